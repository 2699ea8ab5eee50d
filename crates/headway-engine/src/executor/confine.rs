//! What is done to a process between its birth and its first instruction.
//!
//! The one place of the engine with `unsafe`: code that runs in a process which was just forked.
//! The safe ways all leave a gap. Limits that the parent sets on a process that already runs
//! (`prlimit`) come too late for what it started before; a helper program in between (`prlimit(1)`,
//! the server's own binary) would have to be found, trusted and paid for with each item.

use std::io;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::setrlimit;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid, setsid};
use tokio::process::Command;

use super::limits::KernelLimit;

/// Has a command confine itself when it is started, before the program is loaded:
///
/// - it leads a session, and so a process group, of its own, without a terminal;
/// - it is killed when the thread that started it ends, be it with the whole server;
/// - neither it nor what it starts gains rights from set-user-id programs;
/// - it inherits nothing that is open but its three pipes;
/// - it is held to `limits`.
///
/// The start fails when one of these cannot be had.
#[expect(unsafe_code, reason = "limits have to be there before the program is")]
pub(super) fn confine(command: &mut Command, limits: Vec<KernelLimit>) {
    let parent = Pid::this();
    // SAFETY: the closure runs in the child of a process with many threads, where only
    // async-signal-safe functions may be called: no allocation, no lock, nothing that could panic.
    // It makes system calls, compares numbers and reads a vector that was filled before the fork;
    // errors are numbers (`From<Errno>` for `io::Error` does not allocate). Whoever adds a line here
    // keeps that promise.
    unsafe {
        command.pre_exec(move || confine_this_process(parent, &limits));
    }
}

/// Runs in the child.
fn confine_this_process(parent: Pid, limits: &[KernelLimit]) -> io::Result<()> {
    // First: until the program is loaded this process has what the server has open, its locks among
    // it, and must not keep them from whoever comes after a server that is killed now.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != parent {
        // The server died before it could be said.
        return Err(Errno::ESRCH.into());
    }
    setsid()?;
    prctl::set_no_new_privs()?;
    close_what_is_open_when_the_program_is_loaded();
    for (resource, soft, hard) in limits {
        setrlimit(*resource, *soft, *hard)?;
    }
    Ok(())
}

/// Rust opens nothing that a child would inherit. What the server itself inherited is another
/// matter: whoever started it may have left something open.
#[expect(unsafe_code, reason = "the call has no wrapper")]
fn close_what_is_open_when_the_program_is_loaded() {
    let (first, last) = (3_u32, u32::MAX);
    // SAFETY: a system call on numbers alone; descriptors stay open until the program is loaded, so
    // nothing of this process is pulled away. A kernel that does not know it (before 5.11) says so
    // and changes nothing.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC);
    }
}
