//! What every adapter of the port does alike, as tests that each adapter runs on itself.
//!
//! An adapter's test file makes a [`Subject`] and calls [`conformance_tests!`](crate::conformance_tests),
//! which becomes one named test per case. The cases need no runtime of their own: they are run by
//! whatever the adapter's futures need.
//!
//! ```ignore
//! headway_store::conformance_tests!(MySubject::new(), |case| runtime().block_on(case));
//! ```

use std::sync::Arc;

use async_trait::async_trait;

use crate::Store;

pub mod append;
pub mod entries;
mod fixtures;
pub mod items;
pub mod list;
pub mod model;
pub mod read;
pub mod retention;
pub mod sink;

/// A store under test, empty when it is made.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The store as it is open now.
    fn store(&self) -> Arc<dyn Store>;

    /// Ends the store without closing it, as a crash would, and opens it again with what it holds.
    /// `false` when this adapter's stores do not outlive their process.
    async fn reopen(&mut self) -> bool;
}

/// A subject whose stores do not outlive their process.
#[derive(Debug)]
pub struct Volatile(Arc<dyn Store>);

impl Volatile {
    /// Tests the store that this makes.
    pub fn new<S: Store>(make: impl FnOnce() -> S) -> Self {
        Self(Arc::new(make()))
    }
}

#[async_trait]
impl Subject for Volatile {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0)
    }

    async fn reopen(&mut self) -> bool {
        false
    }
}

/// Becomes one test per case of the suite. The first argument makes a fresh [`Subject`] each time
/// it is evaluated; the second runs a future to its end.
#[macro_export]
macro_rules! conformance_tests {
    ($subject:expr, $run:expr) => {
        $crate::conformance_tests!(@module append, $subject, $run, [
            a_job_begins_with_its_first_record,
            a_record_follows_where_the_job_is,
            two_appends_of_one_call_are_applied_in_turn,
            each_append_is_answered_for_itself,
            a_key_belongs_to_one_job,
            a_refused_key_leaves_nothing,
            misshapen_appends_are_refused,
            loading_folds_both_patches,
            many_records_of_many_jobs_fold_right,
            what_was_acknowledged_survives,
            closing_ends_changes,
        ]);
        $crate::conformance_tests!(@module read, $subject, $run, [
            a_log_is_read_from_any_offset,
            a_limit_of_events_is_kept_by_whole_records,
            large_records_come_back_whole,
            a_log_of_nobody_is_none,
            a_long_log_is_read_page_by_page,
        ]);
        $crate::conformance_tests!(@module list, $subject, $run, [
            each_filter_restricts,
            pages_follow_each_other_without_gaps_or_repeats,
            jobs_that_change_between_pages_harm_nobody,
            due_jobs_come_earliest_first,
        ]);
        $crate::conformance_tests!(@module items, $subject, $run, [
            items_follow_each_other,
            leases_take_due_retries_first,
            only_the_holder_settles,
            a_fenced_item_refuses_its_whole_append,
            an_item_given_back_loses_its_attempt,
            an_outcome_replaces_what_was_stored,
            sweeps_move_what_they_say,
            a_sweep_of_chosen_items_moves_no_other,
            pages_of_items_are_by_index,
            chosen_items_are_read_and_summed_up,
            batches_do_not_share_items,
            items_survive,
        ]);
        $crate::conformance_tests!(@module retention, $subject, $run, [
            a_removed_job_is_forgotten_whole,
            a_removed_name_begins_anew,
            old_and_surplus_jobs_are_expendable,
            a_trimmed_log_begins_where_it_says,
            a_trimmed_log_goes_on,
            a_long_log_is_trimmed_as_it_grows,
        ]);
        $crate::conformance_tests!(@module entries, $subject, $run, [
            an_entry_holds_what_was_put_last,
            a_change_expects_its_entry,
            changes_of_one_call_happen_together,
            counting_at_once_counts_everything,
            entries_are_read_by_key,
            changes_are_read_by_revision,
            a_revision_is_given_once,
            a_range_is_removed_from_its_beginning,
            entries_go_with_a_record_or_not_at_all,
            misshapen_entries_are_refused,
        ]);
        $crate::conformance_tests!(@module sink, $subject, $run, [
            sinks_hear_what_is_durable_in_order,
            refused_appends_are_no_news,
            sinks_hear_of_removed_jobs_in_turn,
        ]);

        #[test]
        fn random_operations_agree_with_the_model() {
            $crate::conformance::model::random_operations_agree_with_the_model(
                || $subject,
                |case| {
                    let run = $run;
                    run(case);
                },
            );
        }
    };
    (@module $module:ident, $subject:expr, $run:expr, [ $($case:ident),* $(,)? ]) => {
        mod $module {
            #[allow(unused_imports, reason = "the subject's names are the caller's")]
            use super::*;

            $(
                #[test]
                fn $case() {
                    let mut subject = $subject;
                    let run = $run;
                    run($crate::conformance::boxed($crate::conformance::$module::$case(
                        &mut subject,
                    )));
                }
            )*
        }
    };
}

/// A case, as a test runs it.
pub type Case<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Boxes a case, so that every runner gets the same type.
pub fn boxed<'a>(case: impl Future<Output = ()> + 'a) -> Case<'a> {
    Box::pin(case)
}
