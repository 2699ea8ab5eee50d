//! `headway batch errors`.

use headway_protocol::JobId;
use headway_protocol::batch::{ErrorGroup, ErrorGroups};

use crate::arguments::{Common, ErrorsArguments};
use crate::commands::client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

pub(crate) async fn errors(common: &Common, arguments: &ErrorsArguments) -> Result<Exit, Failure> {
    let errors = client(common)?.batch_errors(&arguments.id, Some(arguments.limit)).await?;
    if common.json {
        output::json(&errors);
    } else {
        show(&arguments.id, &errors);
    }
    Ok(Exit::Success)
}

fn show(id: &JobId, errors: &ErrorGroups) {
    let ErrorGroups { failed, grouped, groups } = errors;
    if groups.is_empty() {
        output::say("no item has failed");
        return;
    }
    let mut table = Table::new(&["ITEMS", "CODE", "RETRY", "MESSAGE", "SUCH AS"]);
    for group in groups {
        table.row(&row(group));
    }
    for line in table.lines() {
        output::line(&line);
    }
    if grouped < failed {
        output::say(&format!("{grouped} of {failed} failed items were read"));
    }
    let first = groups.first().and_then(|group| group.examples.first());
    if let Some(example) = first {
        output::say(&format!(
            "`headway batch retry {id} --item {}` runs one again, without --item all that failed",
            example.index
        ));
    }
}

fn row(group: &ErrorGroup) -> [String; 5] {
    let examples: Vec<_> = group.examples.iter().map(|item| item.index.to_string()).collect();
    [
        group.count.to_string(),
        group.code.clone(),
        if group.retryable { "may help" } else { "-" }.to_owned(),
        group.message.clone(),
        examples.join(", "),
    ]
}
