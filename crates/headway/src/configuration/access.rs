//! Who can reach a node, and what they could do there: the rules that no single key can hold.

use std::net::SocketAddr;

use headway_signin::Options;

use super::{Configuration, ConfigurationError};

impl Configuration {
    /// Refuses a node that would let strangers do what only its owner may.
    pub(super) fn check_reach(
        &self,
        listen: SocketAddr,
        sign_in: &Options,
    ) -> Result<(), ConfigurationError> {
        let others = !listen.ip().is_loopback();
        if others && !sign_in.asks() && !self.flag("insecure") {
            return Err(self.wrong(
                "listen",
                format!(
                    "{listen} can be reached by others, and nobody is asked to sign in: let them \
                     sign in (--sign-in keys, docs/sign-in.md), listen on 127.0.0.1, or say \
                     --insecure where the network itself keeps others out"
                ),
            ));
        }
        let why = if others {
            Some(format!("{listen} can be reached by others"))
        } else if sign_in.asks() {
            Some("whoever signs in may come from anywhere".to_owned())
        } else if !self.list("trusted_proxies").is_empty() {
            Some("requests come through a proxy (`trusted_proxies`), from anywhere".to_owned())
        } else {
            None
        };
        if let Some(why) = why.filter(|_| self.flag("allow_exec")) {
            return Err(self.wrong(
                "allow_exec",
                format!(
                    "{why}, and a request could bring any command to run here: configure a kind \
                     with that command ([kinds.NAME], docs/executors.md) and let requests name it"
                ),
            ));
        }
        Ok(())
    }

    /// What is allowed and yet seldom wanted.
    pub(super) fn warnings(&self, listen: SocketAddr, sign_in: &Options) -> Vec<String> {
        let mut warnings = self.open_secrets();
        let others = !listen.ip().is_loopback();
        let encrypted = self.optional_text("tls.certificate").is_some_and(|text| !text.is_empty());
        if others && sign_in.asks() && !encrypted {
            warnings.push(format!(
                "{listen} is not encrypted: keys and tokens can be read on their way. Set \
                 tls.certificate and tls.key, or listen on 127.0.0.1 behind a proxy that speaks TLS"
            ));
        }
        if others && !sign_in.asks() {
            warnings.push(format!(
                "whoever reaches {listen} may do everything: nobody is asked to sign in"
            ));
        }
        warnings
    }
}
