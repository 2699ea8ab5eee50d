//! Prices that were worked out by hand.

use proptest::prelude::*;

use super::*;

const LITELLM: &str = include_str!("../../tests/data/litellm_prices.json");

fn usage(sku: &str, units: &[(&str, f64)]) -> Usage {
    let units = units.iter().map(|(unit, quantity)| ((*unit).to_owned(), *quantity)).collect();
    Usage { sku: sku.to_owned(), units }
}

fn card(rates: &str) -> RateCard {
    RateCard::from_json(&format!(r#"{{"currency":"EUR","rates":{rates}}}"#)).unwrap()
}

#[track_caller]
fn check(card: &RateCard, used: &Usage, batch: bool, amount: &str, unpriced: &[&str]) {
    let price = card.price(used, batch);
    assert_eq!(price.amount.to_string(), amount);
    assert_eq!(price.unpriced, unpriced);
}

#[track_caller]
fn check_litellm(sku: &str, units: &[(&str, f64)], batch: bool, amount: &str) {
    let card = RateCard::from_json(LITELLM).unwrap();
    check(&card, &usage(sku, units), batch, amount, &[]);
}

#[track_caller]
fn check_refused(text: &str, place: &str, says: &str) {
    let error = RateCard::from_json(text).unwrap_err();
    assert_eq!(error.place, place, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_price_is_the_sum_over_units() {
    let card = card(r#"{"page":{"pages":"0.0015","seconds":0.25,"lookups":"1.5e-06"}}"#);
    assert_eq!(card.currency().as_str(), "EUR");
    let used = usage("page", &[("pages", 3.0), ("seconds", 0.1), ("lookups", 10.0)]);
    check(&card, &used, false, "0.029515", &[]);
    check(&card, &used, true, "0.029515", &[]);
}

#[test]
fn prices_finer_than_a_nano_unit_add_up_and_are_rounded_once() {
    let card = card(r#"{"m":{"a":"0.0000000375","b":"0.0000000004","c":"0.0000000001"}}"#);
    check(&card, &usage("m", &[("a", 1.0)]), false, "0.000000038", &[]);
    check(&card, &usage("m", &[("a", 1_000.0)]), false, "0.0000375", &[]);
    check(&card, &usage("m", &[("b", 1.0)]), false, "0.00", &[]);
    check(&card, &usage("m", &[("b", 1.0), ("c", 1.0)]), false, "0.000000001", &[]);
}

#[test]
fn a_quantity_counts_as_its_shortest_decimal() {
    let card = card(r#"{"m":{"s":"1"}}"#);
    check(&card, &usage("m", &[("s", 0.1)]), false, "0.10", &[]);
    check(&card, &usage("m", &[("s", 0.1 + 0.2)]), false, "0.30", &[]);
    check(&card, &usage("m", &[("s", 5e-324)]), false, "0.00", &[]);
    check(&card, &usage("m", &[("s", 1e300)]), false, "9223372036.854775807", &[]);
}

#[test]
fn what_has_no_price_is_listed() {
    let card = card(r#"{"m":{"s":"1"}}"#);
    let used = usage("m", &[("tokens", 7.0), ("s", 2.0), ("nothing", 0.0)]);
    check(&card, &used, false, "2.00", &["tokens"]);
    check(&card, &usage("other", &[("s", 2.0)]), false, "0.00", &["s"]);
    check(&card, &usage("m", &[("s", -1.0)]), false, "0.00", &["s"]);
    check(&card, &usage("m", &[("s", f64::NAN)]), false, "0.00", &["s"]);
    check(&RateCard::default(), &usage("m", &[("s", 2.0)]), false, "0.00", &["s"]);
    assert_eq!(RateCard::default().currency().as_str(), "USD");
}

#[test]
fn a_batch_factor_counts_in_a_batch() {
    let card =
        card(r#"{"m":{"batch_factor":"0.5","s":"0.000000003"},"free":{"s":"3","batch_factor":0}}"#);
    check(&card, &usage("m", &[("s", 1.0)]), false, "0.000000003", &[]);
    check(&card, &usage("m", &[("s", 1.0)]), true, "0.000000002", &[]);
    check(&card, &usage("m", &[("s", 3.0)]), true, "0.000000005", &[]);
    check(&card, &usage("free", &[("s", 1.0)]), true, "0.00", &[]);
}

#[test]
fn an_empty_card_is_a_card() {
    let card = RateCard::from_json(r#"{"rates":{}}"#).unwrap();
    assert!(card.is_empty());
    assert_eq!(card.currency().as_str(), "USD");
}

#[test]
fn a_file_that_is_not_understood_is_refused_with_its_place() {
    check_refused("", "", "not a JSON object");
    check_refused("[]", "", "expected an object");
    check_refused("{}", "", "neither");
    check_refused(r#"{"rate":{"m":{"s":"1"}}}"#, "", "neither");
    check_refused(r#"{"rates":{},"Currency":"USD"}"#, "/Currency", "not known");
    check_refused(r#"{"currency":"euro","rates":{}}"#, "/currency", "capital letters");
    check_refused(r#"{"currency":7,"rates":{}}"#, "/currency", "\"USD\"");
    check_refused(r#"{"rates":{"m":"1"}}"#, "/rates/m", "expected an object");
    check_refused(r#"{"rates":{"":{"s":"1"}}}"#, "/rates/", "needs a name");
    check_refused(r#"{"rates":{"m":{"sku":"1"}}}"#, "/rates/m/sku", "not a unit");
    check_refused(r#"{"rates":{"a/b":{"s":"ten"}}}"#, "/rates/a~1b/s", "not a decimal");
    check_refused(r#"{"rates":{"m":{"s":null}}}"#, "/rates/m/s", "not a decimal");
    check_refused(r#"{"rates":{"m":{"s":"-1"}}}"#, "/rates/m/s", "negative");
    check_refused(r#"{"rates":{"m":{"s":"9223372037"}}}"#, "/rates/m/s", "largest");
    check_refused(r#"{"rates":{"m":{"s":1e99}}}"#, "/rates/m/s", "largest");
    check_refused(r#"{"rates":{"m":{"s":"0.123456789012345678"}}}"#, "/rates/m/s", "digits");
    for factor in ["1.01", "0.12345", "2", "10"] {
        let text = format!(r#"{{"rates":{{"m":{{"batch_factor":"{factor}"}}}}}}"#);
        check_refused(&text, "/rates/m/batch_factor", "from 0 to 1");
    }
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    check_refused(r#"{"rates":{},"rates":{}}"#, "/rates", "twice");
    check_refused(r#"{"rates":{"m":{},"m":{}}}"#, "/rates/m", "twice");
    check_refused(r#"{"rates":{"m":{"s":1,"s":2}}}"#, "/rates/m/s", "twice");
}

#[test]
fn a_litellm_map_loads_as_it_is() {
    let card = RateCard::from_json(LITELLM).unwrap();
    assert_eq!(card.currency().as_str(), "USD");
    // Of 43 entries one is the sample, and four have no price that the table knows.
    assert_eq!(card.len(), 38);
    assert!(!card.skus.contains_key("sample_spec"));
    assert!(!card.skus.contains_key("bedrock/guardrails"));
}

#[test]
fn litellm_prices_of_every_sort() {
    let tokens = [("input_tokens", 1_001.0), ("output_tokens", 7.0)];
    check_litellm("gpt-4o-mini", &tokens, false, "0.00015435");
    check_litellm("gpt-4o-mini", &tokens, true, "0.000077175");
    check_litellm("gpt-4o", &[("cache_read_input_tokens", 3.0)], false, "0.00000375");
    check_litellm(
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        &[("cache_creation_1h_input_tokens", 10.0), ("cache_creation_input_tokens", 10.0)],
        false,
        "0.0000325",
    );
    check_litellm(
        "1024-x-1024/50-steps/stability.stable-diffusion-xl-v1",
        &[("output_images", 2.0)],
        false,
        "0.08",
    );
    check_litellm(
        "azure/hd/1024-x-1024/dall-e-3",
        &[("input_pixels", 1_048_576.0)],
        false,
        "0.087999958",
    );
    check_litellm("assemblyai/nano", &[("input_seconds", 12.34)], false, "0.001268305");
    check_litellm("azure/speech/azure-tts", &[("input_characters", 20.0)], false, "0.0003");
    check_litellm("amazon.rerank-v1:0", &[("queries", 4.0)], false, "0.004");
    check_litellm("perplexity/pplx-70b-online", &[("requests", 1.0)], false, "0.005");
    check_litellm("mistral/mistral-ocr-latest", &[("ocr_pages", 5.0)], true, "0.01");
    check_litellm("gpt-4o-mini", &[("high_context_searches", 2.0)], false, "0.05");
    check_litellm("perplexity/sonar-deep-research", &[("citation_tokens", 1.0)], false, "0.000002");
}

#[test]
fn a_long_prompt_is_priced_by_its_tier() {
    let sku = "gemini/gemini-2.5-pro";
    let at = [("input_tokens", 200_000.0), ("output_tokens", 10.0)];
    check_litellm(sku, &at, false, "0.2501");
    let above = [("input_tokens", 200_001.0), ("output_tokens", 10.0)];
    check_litellm(sku, &above, false, "0.5001525");
    check_litellm(sku, &above, true, "0.25007625");
    let cached = [("input_tokens", 100_000.0), ("cache_read_input_tokens", 100_001.0)];
    check_litellm(sku, &cached, false, "0.27500025");
    let ranges = [("input_tokens", 256_001.0), ("output_tokens", 1.0)];
    check_litellm("dashscope/qwen-flash", &ranges, false, "0.06400225");
    check_litellm("dashscope/qwen-flash", &[("input_tokens", 256_000.0)], false, "0.0128");
}

#[test]
fn a_tier_without_an_ordinary_price_counts_in_a_batch_only() {
    let card = RateCard::from_json(
        r#"{"m":{"input_cost_per_token":2e-6,"input_cost_per_token_above_1k_tokens_batches":1e-6}}"#,
    )
    .unwrap();
    let used = usage("m", &[("input_tokens", 2_000.0)]);
    check(&card, &used, false, "0.004", &[]);
    check(&card, &used, true, "0.002", &[]);
}

#[test]
fn litellm_entries_are_read_leniently_and_prices_strictly() {
    let card = RateCard::from_json(
        r#"{"note":"a sentence","m":{"litellm_provider":"x","input_cost_per_token":null,
        "output_cost_per_token":"3e-06","mode":["?"],"input_cost_per_query":{"k":1}},"n":null}"#,
    )
    .unwrap();
    let used = usage("m", &[("input_tokens", 1.0), ("output_tokens", 1.0), ("queries", 1.0)]);
    check(&card, &used, false, "0.000003", &["input_tokens", "queries"]);
    let wrong = |price| format!(r#"{{"a/b":{{"input_cost_per_token":{price}}}}}"#);
    check_refused(&wrong("-1e-6"), "/a~1b/input_cost_per_token", "negative");
    check_refused(&wrong("\"cheap\""), "/a~1b/input_cost_per_token", "not a decimal");
    check_refused(
        r#"{"m":{"tiered_pricing":[{"range":["x"],"input_cost_per_token":1}]}}"#,
        "/m/tiered_pricing/0/range",
        "range",
    );
}

proptest! {
    #[test]
    fn whole_units_cost_exactly_their_number_times_the_price(
        nanos in 0_i64..1_000_000_000_000, count in 0_u32..100_000,
    ) {
        let price = Amount::from_nanos(nanos);
        let card = card(&format!(r#"{{"m":{{"u":"{price}"}}}}"#));
        let priced = card.price(&usage("m", &[("u", f64::from(count))]), false);
        let exact = i128::from(nanos) * i128::from(count);
        prop_assert_eq!(priced.amount.as_nanos(), i64::try_from(exact).unwrap_or(i64::MAX));
    }

    #[test]
    fn a_price_is_within_half_a_nano_unit_of_the_product(
        price in 0.0_f64..10.0, quantity in 0.0_f64..1_000.0,
    ) {
        let card = card(&format!(r#"{{"m":{{"u":{price:e}}}}}"#));
        let priced = card.price(&usage("m", &[("u", quantity)]), false).amount.as_nanos() as f64;
        let product = price * quantity * 1e9;
        prop_assert!((priced - product).abs() <= 0.5 + product * 1e-15);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", price in "[-+0-9.eE]{0,40}") {
        drop(RateCard::from_json(&text));
        drop(RateCard::from_json(&format!(r#"{{"rates":{{"m":{{"u":"{price}"}}}}}}"#)));
    }

    #[test]
    fn any_quantity_has_a_price_or_is_listed(quantity: f64, batch: bool) {
        let card = card(r#"{"m":{"u":"12345.678901234567","batch_factor":"0.9999"}}"#);
        let price = card.price(&usage("m", &[("u", quantity)]), batch);
        prop_assert!(!price.amount.is_negative());
        prop_assert_eq!(price.unpriced.is_empty(), quantity.is_finite() && quantity >= 0.0);
    }
}
