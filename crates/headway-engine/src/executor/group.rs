//! A process group: everything that a program started and did not take out of it.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;

/// How long a group has between being asked to end and being killed.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// A started program's process group. Whoever holds it owns every process of it: dropping it kills
/// them.
///
/// A program that puts a descendant into another group or session has taken it out of this one;
/// such a process is not found again.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
}

impl Group {
    /// The group that this child leads; it was started with a session, and so a group, of its own.
    pub(super) fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { leader }
    }

    /// Asks every process to end and kills those that are left once the leader has ended, or
    /// after a short grace. `leader_ended` reaps the leader.
    pub(super) async fn end(mut self, leader_ended: impl Future) {
        tokio::pin!(leader_ended);
        let asked = self.signal(Signal::SIGTERM);
        let ended = asked && tokio::time::timeout(GRACE, &mut leader_ended).await.is_ok();
        self.kill();
        if !ended {
            leader_ended.await;
        }
    }

    /// Kills every process. After the leader was reaped it is called at once: the number of a
    /// group whose leader is gone could, much later, become another's.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.leader = None;
    }

    /// Whether there was anybody to signal.
    fn signal(&self, signal: Signal) -> bool {
        let Some(leader) = self.leader else { return false };
        match killpg(leader, signal) {
            Ok(()) => true,
            Err(Errno::ESRCH) => false,
            Err(error) => {
                tracing::warn!(%leader, %signal, %error, "a process group could not be signalled");
                false
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
