//! stub
use crate::arguments::{Common, DemoArguments};
use crate::configuration::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
pub(crate) async fn run(_: &Common, _: &Environment, _: &DemoArguments) -> Result<Exit, Failure> {
    Err(Failure::new("no"))
}
