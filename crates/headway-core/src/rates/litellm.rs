//! LiteLLM's `model_prices_and_context_window.json`, as it is.
//!
//! Every model is a SKU in USD. A member of the table below is the price of the unit beside it. Two
//! endings are read on top: `_batches`, the price in a batch, and `_above_200k_tokens` (any number),
//! the price of *all* units of a usage whose prompt is longer. `tiered_pricing` says the same as a
//! list of ranges. Service tiers (`_priority`, `_flex`, …), off-peak prices and everything else that
//! is not a price are passed over; a usage in such a unit is listed as unpriced, never guessed.
//!
//! Units are disjoint: a usage counts a cached token under `cache_read_input_tokens` and not also
//! under `input_tokens`.
//!
//! Source of names and meaning: <https://github.com/BerriAI/litellm> (MIT).

use std::borrow::Cow;

use super::members::{Members, Shape, shape};
use super::{RateCard, RateCardError, SkuRates};

/// LiteLLM's member → the unit that it prices.
const UNITS: [(&str, &str); 36] = [
    ("input_cost_per_token", "input_tokens"),
    ("output_cost_per_token", "output_tokens"),
    ("output_cost_per_reasoning_token", "reasoning_tokens"),
    ("citation_cost_per_token", "citation_tokens"),
    ("cache_read_input_token_cost", "cache_read_input_tokens"),
    ("cache_creation_input_token_cost", "cache_creation_input_tokens"),
    ("cache_creation_input_token_cost_above_1hr", "cache_creation_1h_input_tokens"),
    ("input_cost_per_audio_token", "input_audio_tokens"),
    ("output_cost_per_audio_token", "output_audio_tokens"),
    ("cache_read_input_audio_token_cost", "cache_read_input_audio_tokens"),
    ("cache_creation_input_audio_token_cost", "cache_creation_input_audio_tokens"),
    ("input_cost_per_image_token", "input_image_tokens"),
    ("output_cost_per_image_token", "output_image_tokens"),
    ("cache_read_input_image_token_cost", "cache_read_input_image_tokens"),
    ("input_cost_per_video_token", "input_video_tokens"),
    ("output_cost_per_video_token", "output_video_tokens"),
    ("input_cost_per_character", "input_characters"),
    ("output_cost_per_character", "output_characters"),
    ("input_cost_per_image", "input_images"),
    ("output_cost_per_image", "output_images"),
    ("input_cost_per_pixel", "input_pixels"),
    ("output_cost_per_pixel", "output_pixels"),
    ("input_cost_per_second", "input_seconds"),
    ("output_cost_per_second", "output_seconds"),
    ("cost_per_second", "seconds"),
    ("input_cost_per_audio_per_second", "input_audio_seconds"),
    ("input_cost_per_video_per_second", "input_video_seconds"),
    ("output_cost_per_video_per_second", "output_video_seconds"),
    ("input_cost_per_query", "queries"),
    ("input_cost_per_request", "requests"),
    ("input_cost_per_text_message", "text_messages"),
    ("google_maps_grounding_cost_per_query", "google_maps_queries"),
    ("code_interpreter_cost_per_session", "code_interpreter_sessions"),
    ("ocr_cost_per_page", "ocr_pages"),
    ("annotation_cost_per_page", "annotation_pages"),
    ("ocr_cost_per_credit", "ocr_credits"),
];

/// `search_context_cost_per_query` holds one price for each size of context.
const SEARCH: &str = "search_context_cost_per_query";
const SEARCH_UNITS: [(&str, &str); 3] = [
    ("search_context_size_low", "low_context_searches"),
    ("search_context_size_medium", "medium_context_searches"),
    ("search_context_size_high", "high_context_searches"),
];

const TIERED: &str = "tiered_pricing";
/// The entry that explains the file; its prices are zeros and its limits sentences.
const SAMPLE: &str = "sample_spec";

/// The units whose sum is a prompt's length.
pub(super) const PROMPT_UNITS: [&str; 4] = [
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_1h_input_tokens",
];

/// What a member's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meaning {
    unit: &'static str,
    above: u64,
    batch: bool,
}

/// Whether any entry is a priced model.
pub(super) fn looks_like(file: &Members<'_>) -> bool {
    file.iter().any(|(name, text)| {
        shape(text) == Shape::Object
            && file.object(name, text).is_ok_and(|model| {
                model.iter().any(|(member, _)| {
                    member == "litellm_provider" || member == TIERED || meaning(member).is_some()
                })
            })
    })
}

/// Reads every model that has a price.
pub(super) fn read(file: &Members<'_>) -> Result<RateCard, RateCardError> {
    let mut card = RateCard::default();
    for (model, text) in file.iter() {
        if model == SAMPLE || shape(text) != Shape::Object {
            continue;
        }
        let mut rates = SkuRates::default();
        let members = file.object(model, text)?;
        prices(&members, 0, &mut rates)?;
        for (name, text) in members.iter() {
            match (name, shape(text)) {
                (SEARCH, Shape::Object) => searches(&members.object(name, text)?, &mut rates)?,
                (TIERED, Shape::Array) => ranges(&members.place(name), text, &mut rates)?,
                _ => {}
            }
        }
        if !rates.units.is_empty() {
            card.skus.insert(model.to_owned(), rates);
        }
    }
    Ok(card)
}

/// The prices among an object's members, for prompts of more than `from` tokens.
fn prices(members: &Members<'_>, from: u64, rates: &mut SkuRates) -> Result<(), RateCardError> {
    for (name, text) in members.iter().filter(|(_, text)| shape(text) == Shape::Scalar) {
        let Some(meaning) = meaning(name) else { continue };
        let price = members.decimal(name, text)?;
        let rate = rates.units.entry(Cow::Borrowed(meaning.unit)).or_default();
        if let Some(tier) = rate.tier(meaning.above.max(from)) {
            *(if meaning.batch { &mut tier.batch } else { &mut tier.price }) = Some(price);
        }
    }
    Ok(())
}

fn searches(sizes: &Members<'_>, rates: &mut SkuRates) -> Result<(), RateCardError> {
    for (name, text) in sizes.iter().filter(|(_, text)| shape(text) == Shape::Scalar) {
        let Some((_, unit)) = SEARCH_UNITS.iter().find(|(member, _)| *member == name) else {
            continue;
        };
        let price = sizes.decimal(name, text)?;
        rates.units.insert(Cow::Borrowed(unit), super::UnitRate::flat(price, None));
    }
    Ok(())
}

/// `[{"range":[0,32000],"input_cost_per_token":…},…]`.
fn ranges(place: &str, text: &str, rates: &mut SkuRates) -> Result<(), RateCardError> {
    let entries: Vec<&serde_json::value::RawValue> = serde_json::from_str(text)
        .map_err(|error| RateCardError::at(place, format!("not a list of ranges: {error}")))?;
    for (index, entry) in entries.iter().enumerate() {
        let place = format!("{place}/{index}");
        let entry = Members::read(entry.get(), &place)?;
        let range = entry.iter().find(|(name, _)| *name == "range").map(|(_, text)| text);
        // A list without ranges (some are by day or by quality) is no list of prompt lengths.
        let Some(range) = range else { continue };
        let from = serde_json::from_str::<Vec<f64>>(range)
            .ok()
            .and_then(|bounds| bounds.first().copied())
            .and_then(tokens)
            .ok_or_else(|| {
                RateCardError::at(
                    &entry.place("range"),
                    "not a range of tokens; write two numbers such as [0, 32000]",
                )
            })?;
        prices(&entry, from, rates)?;
    }
    Ok(())
}

/// A count of tokens that was written as a float.
fn tokens(count: f64) -> Option<u64> {
    // Exact up to 2⁵³, far above any prompt.
    format!("{count:.0}").parse().ok()
}

fn meaning(member: &str) -> Option<Meaning> {
    let (rest, batch) = match member.strip_suffix("_batches") {
        Some(rest) => (rest, true),
        None => (member, false),
    };
    let (base, above) = match rest.strip_suffix("k_tokens").and_then(|rest| rest.rsplit_once('_')) {
        Some((rest, thousands)) => {
            (rest.strip_suffix("_above")?, thousands.parse::<u64>().ok()?.checked_mul(1_000)?)
        }
        None => (rest, 0),
    };
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == base)?;
    Some(Meaning { unit, above, batch })
}
