//! What files mean, line by line.

use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll};

use headway_protocol::limits;
use proptest::prelude::*;
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};

use super::*;

/// A file that comes in pieces of this many bytes.
struct Pieces(Cursor<Vec<u8>>, usize);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let piece = self.1;
        let mut part = buffer.take(piece);
        std::task::ready!(Pin::new(&mut self.0).poll_read(context, &mut part))?;
        let read = part.filled().len();
        // The part was written into the buffer's own room.
        let filled = part.filled().to_vec();
        assert_eq!(read, filled.len());
        buffer.put_slice(&filled);
        Poll::Ready(Ok(()))
    }
}

async fn read(source: ItemSource) -> Result<Vec<ParsedItem>, Problem> {
    let mut reader = source.into_reader();
    let mut items = Vec::new();
    while let Some(chunk) = reader.next_chunk().await? {
        assert!(!chunk.is_empty() && chunk.len() <= CHUNK_ITEMS);
        items.extend(chunk);
    }
    assert!(reader.next_chunk().await?.is_none(), "the end stays the end");
    Ok(items)
}

fn file(format: Format, bytes: &[u8], piece: usize) -> ItemSource {
    ItemSource::File { format, reader: Box::pin(Pieces(Cursor::new(bytes.to_vec()), piece)) }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// `Ok((custom_id, input))` or `Err(part of the message)` for each item.
type Expected<'a> = Result<(Option<&'a str>, Value), &'a str>;

#[track_caller]
fn check(format: Format, bytes: impl AsRef<[u8]>, expected: &[Expected<'_>]) {
    for piece in [1, 2, 3, 7, 1 << 20] {
        let items = run(read(file(format, bytes.as_ref(), piece))).unwrap();
        assert_eq!(items.len(), expected.len(), "{items:?}");
        for (item, expected) in items.iter().zip(expected) {
            match expected {
                Ok((custom_id, input)) => {
                    assert_eq!(item.error, None);
                    assert_eq!(item.custom_id.as_deref(), *custom_id);
                    let value: Value = serde_json::from_str(item.input.get()).unwrap();
                    assert_eq!(value, *input);
                }
                Err(part) => {
                    let error = item.error.as_ref().expect(part);
                    assert_eq!(error.code, "invalid_input");
                    assert!(!error.retryable);
                    assert!(error.message.contains(part), "{} has no {part}", error.message);
                    assert!(serde_json::from_str::<String>(item.input.get()).is_ok());
                }
            }
        }
    }
}

#[track_caller]
fn check_refused(format: Format, bytes: impl AsRef<[u8]>, part: &str) {
    for piece in [1, 5, 1 << 20] {
        let problem = run(read(file(format, bytes.as_ref(), piece))).unwrap_err();
        assert_eq!(problem.status, 422);
        assert_eq!(problem.field.as_deref(), Some("file"));
        assert!(problem.detail.contains(part), "{} has no {part}", problem.detail);
    }
}

#[test]
fn jsonl_takes_every_json_value() {
    check(
        Format::Jsonl,
        "{\"a\":1}\n\n \t\r\n\"text\"\r\n17\nnull\n[1,2]",
        &[
            Ok((None, json!({"a":1}))),
            Ok((None, json!("text"))),
            Ok((None, json!(17))),
            Ok((None, json!(null))),
            Ok((None, json!([1, 2]))),
        ],
    );
    check(Format::Jsonl, "\u{feff}{\"a\":1}\n", &[Ok((None, json!({"a":1})))]);
    check(Format::Jsonl, "", &[]);
    check(Format::Jsonl, "\u{feff}", &[]);
    check(Format::Jsonl, "\n\n", &[]);
}

#[test]
fn an_envelope_is_opened_and_nothing_beside_it_is_lost() {
    check(
        Format::Jsonl,
        r#"{"input":{"x":1},"custom_id":"a"}
{"input":null}
{"custom_id":"b","x":2}
{"custom_id":7,"x":2}
{"input":1,"lang":"en"}
{"input":1,"custom_id":7}
{"input":1,"custom_id":[7]}
{"input":1,"estimate":{"sku":"m","tokens":-1}}
{"input":1,"estimate":{"tokens":1}}
{"in\u0070ut":"escaped"}"#,
        &[
            Ok((Some("a"), json!({"x":1}))),
            Ok((None, json!(null))),
            Ok((Some("b"), json!({"custom_id":"b","x":2}))),
            Ok((Some("7"), json!({"custom_id":7,"x":2}))),
            Err("line 5: `lang` stands beside `input`"),
            Ok((Some("7"), json!(1))),
            Err("line 7: `custom_id` is neither a string nor a number"),
            Err("line 8: `estimate` has a number below 0"),
            Err("line 9: `estimate`: missing field `sku`"),
            Ok((None, json!("escaped"))),
        ],
    );
}

#[test]
fn an_estimate_comes_along() {
    let line = br#"{"input":1,"estimate":{"sku":"m","tokens":12}}"#;
    let items = run(read(file(Format::Jsonl, line, 9))).unwrap();
    let estimate = items[0].estimate.as_ref().unwrap();
    assert_eq!(estimate.sku, "m");
    assert_eq!(estimate.units.get("tokens"), Some(&12.0));
}

#[test]
fn a_bad_line_is_a_failed_item_in_its_place() {
    let mut text = b"{\"ok\":1}\n{\"broken\": \n\nnot json\n\"\xff\"\n".to_vec();
    text.extend_from_slice(&vec![b'x'; limits::LINE_BYTES + 1]);
    text.extend_from_slice(b"\n{\"ok\":2}");
    let expected: [Expected<'_>; 6] = [
        Ok((None, json!({"ok":1}))),
        Err("line 2: EOF while parsing a value at column"),
        Err("line 4: expected ident at column"),
        Err("line 5: not UTF-8 from byte 1"),
        Err("line 6: longer than 1048576 bytes"),
        Ok((None, json!({"ok":2}))),
    ];
    let items = run(read(file(Format::Jsonl, &text, 1 << 16))).unwrap();
    assert_eq!(items.len(), expected.len());
    for (item, expected) in items.iter().zip(&expected) {
        match expected {
            Ok(_) => assert_eq!(item.error, None),
            Err(part) => {
                let message = &item.error.as_ref().unwrap().message;
                assert!(message.starts_with(part), "{message}");
                assert!(item.input.get().len() < 1_500, "only the beginning is kept");
            }
        }
    }
}

#[test]
fn a_line_of_just_the_limit_is_taken() {
    let line = format!("\"{}\"", "x".repeat(limits::LINE_BYTES - 2));
    let items = run(read(file(Format::Jsonl, format!("{line}\n1").as_bytes(), 1 << 16))).unwrap();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.error.is_none()));
    assert_eq!(items[0].input.get().len(), limits::LINE_BYTES);
}

#[test]
fn what_is_not_jsonl_is_refused_whole() {
    check_refused(Format::Jsonl, "name,age\nAda,36\n", "not JSONL: none of its first 2 lines");
    check_refused(Format::Jsonl, "[\n{\"a\":1},\n{\"a\":2}\n]\n", "looks like one JSON array");
    check_refused(Format::Jsonl, b"\xff\xfe{\0}\0", "UTF-16");
    check_refused(Format::Jsonl, b"PK\x03\x04\0\0", "NUL");
    check_refused(Format::Jsonl, "x\n".repeat(100) + "1\n", "none of its first 100 lines");
    let late = "x\n".repeat(99) + "1\n";
    assert_eq!(run(read(file(Format::Jsonl, late.as_bytes(), 50))).unwrap().len(), 100);
}

#[test]
fn csv_names_fields_by_its_header() {
    check(
        Format::Csv,
        "custom_id, name ,note\r\na,Ada,\"says \"\"hi\"\", twice\"\r\n\r\n,Grace,\"two\nlines\"\n",
        &[
            Ok((Some("a"), json!({"custom_id":"a","name":"Ada","note":"says \"hi\", twice"}))),
            Ok((None, json!({"custom_id":"","name":"Grace","note":"two\nlines"}))),
        ],
    );
    check(Format::Csv, "\u{feff}a\n01\n", &[Ok((None, json!({"a":"01"})))]);
    check(Format::Csv, "a,b\n1,2", &[Ok((None, json!({"a":"1","b":"2"})))]);
    check(Format::Csv, "a,b\n", &[]);
    check(Format::Csv, "", &[]);
}

#[test]
fn a_bad_row_names_the_line_that_it_begins_on() {
    check(
        Format::Csv,
        b"a,b\n1,\"x\ny\"\n\n\n3\n4,5,6\n\xff,8\r\n9,10\r\n11\r\n",
        &[
            Ok((None, json!({"a":"1","b":"x\ny"}))),
            Err("line 6: 1 fields where the header names 2"),
            Err("line 7: 3 fields where the header names 2"),
            Err("line 8: field 1 is not UTF-8"),
            Ok((None, json!({"a":"9","b":"10"}))),
            Err("line 10: 1 fields where the header names 2"),
        ],
    );
}

#[test]
fn a_quote_that_is_left_open_fails_its_row_and_says_how_far_it_reaches() {
    let mut text = "id,note\r\n0,\"two\r\nlines\"\r\n1,\"6in pipe\r\n".to_owned();
    text.extend((2..40).map(|id| format!("{id},ok\r\n")));
    let good = || Ok((None, json!({"id":"0","note":"two\r\nlines"})));
    let open = "line 4: the quote opened on line 4 is not closed, so that everything up to the \
                file's end on line 42 is one row: close it, or write a quote that belongs to the \
                text twice";
    check(Format::Csv, &text, &[good(), Err(open)]);
    // Without a line's end at the end, and in a later line of its row.
    check(
        Format::Csv,
        "a,b\n1,2\n3,\"",
        &[
            Ok((None, json!({"a":"1","b":"2"}))),
            Err(
                "line 3: the quote opened on line 3 is not closed, so that everything up to the file's \
             end on line 3",
            ),
        ],
    );
    check(
        Format::Csv,
        "a,b\n1,2\n\"x\ny\",\"z\"\"\n\n",
        &[
            Ok((None, json!({"a":"1","b":"2"}))),
            Err(
                "line 3: the quote opened on line 4 is not closed, so that everything up to the file's \
             end on line 5",
            ),
        ],
    );
    // Also where the row is too long to be kept.
    let long = format!("a,b\n1,2\n3,\"x\n{}", "4,5\n".repeat(limits::LINE_BYTES / 3));
    let items = run(read(file(Format::Csv, long.as_bytes(), 1 << 16))).unwrap();
    assert_eq!(items.len(), 2);
    let message = &items[1].error.as_ref().unwrap().message;
    let expected = format!("up to the file's end on line {} ", 3 + limits::LINE_BYTES / 3);
    assert!(message.contains(&expected), "{message} has no {expected}");
}

#[test]
fn text_behind_a_closed_quote_fails_its_row_and_the_next_one_is_read() {
    check(
        Format::Csv,
        "id,note\n1,\"6in pipe\n2,ok\n3,\"7in pipe\n4,ok\n5,\"a\" b\n6,\"c\"\n7,8\" pipe\n8,a\"b\"\"c\n",
        &[
            Err(
                "line 2: the quote opened on line 2 is closed on line 4 with text behind it, so that \
                 these lines are one row: write a quote",
            ),
            Ok((None, json!({"id":"4","note":"ok"}))),
            Err("line 6: text follows the quote that closes a field: leave it out, or write a"),
            Ok((None, json!({"id":"6","note":"c"}))),
            // A quote within a field that does not begin with one is text.
            Ok((None, json!({"id":"7","note":"8\" pipe"}))),
            Ok((None, json!({"id":"8","note":"a\"b\"\"c"}))),
        ],
    );
}

#[test]
fn a_header_with_a_wrong_quote_is_refused() {
    check_refused(
        Format::Csv,
        "a,\"b\n1,2\n",
        "the header row cannot be read: the quote opened on",
    );
    check_refused(Format::Csv, "a,\"b\"c\n1,2\n", "the header row cannot be read: text follows");
}

#[test]
fn a_row_beyond_the_limit_is_skipped() {
    let long = "x".repeat(limits::LINE_BYTES + 9);
    let many = "1,".repeat(5_000);
    let text = format!("a,b\n1,2\n\"{long}\",2\n{many}\n3,4\n");
    let items = run(read(file(Format::Csv, text.as_bytes(), 1 << 16))).unwrap();
    let errors: Vec<_> = items.iter().map(|item| item.error.is_some()).collect();
    assert_eq!(errors, [false, true, true, false]);
    assert!(items[1].error.as_ref().unwrap().message.starts_with("line 3: the row is longer"));
    assert!(items[2].error.as_ref().unwrap().message.starts_with("line 4: the row is longer"));
    assert!(items[1].input.get().len() < 300);
    assert_eq!(items[3].input.get(), r#"{"a":"3","b":"4"}"#);
}

#[test]
fn what_is_not_csv_is_refused_whole() {
    check_refused(Format::Csv, "a,,c\n1,2,3\n", "no name for field 2");
    check_refused(Format::Csv, "a,b,a\n1,2,3\n", "the name `a` twice");
    check_refused(Format::Csv, "{\"a\":1,\"b\":2}\n", "is the file JSONL?");
    check_refused(Format::Csv, "a;b\n1;2\n", "separate fields with commas");
    check_refused(Format::Csv, b"a,\xff\n", "not UTF-8 in field 2");
    check_refused(Format::Csv, "a,b\n1\n2\n3\n", "not CSV: none of its first 3 lines");
    check_refused(Format::Csv, b"a\0b\n", "NUL");
}

#[test]
fn inline_items_follow_the_same_rules() {
    let items = vec![json!("x"), json!({"input": 1, "custom_id": "c"}), json!({"input":1,"y":2})];
    let items = run(read(ItemSource::Inline(items))).unwrap();
    assert_eq!(items[0].input.get(), "\"x\"");
    assert_eq!(items[1].custom_id.as_deref(), Some("c"));
    assert!(items[2].error.as_ref().unwrap().message.starts_with("item 2: `y` stands beside"));
}

#[test]
fn chunks_are_bounded_by_items_and_by_bytes() {
    run(async {
        let mut many = file(Format::Jsonl, "1\n".repeat(2_500).as_bytes(), 4_096).into_reader();
        let mut sizes = Vec::new();
        while let Some(chunk) = many.next_chunk().await.unwrap() {
            sizes.push(chunk.len());
        }
        assert_eq!(sizes, [1_000, 1_000, 500]);

        let line = format!("\"{}\"\n", "x".repeat(300_000));
        let mut large = file(Format::Jsonl, line.repeat(9).as_bytes(), 1 << 16).into_reader();
        let mut sizes = Vec::new();
        while let Some(chunk) = large.next_chunk().await.unwrap() {
            sizes.push(chunk.len());
        }
        assert_eq!(sizes, [4, 4, 1]);
    });
}

proptest! {
    #[test]
    fn any_csv_that_is_written_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a-z\",\r\n é]{0,12}", 3), 1..20),
        piece in 1_usize..40,
    ) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let items = run(read(file(Format::Csv, &bytes, piece))).unwrap();
        let values: Vec<Value> =
            items.iter().map(|item| serde_json::from_str(item.input.get()).unwrap()).collect();
        let expected: Vec<Value> =
            rows.iter().map(|row| json!({"a": row[0], "b": row[1], "c": row[2]})).collect();
        prop_assert_eq!(values, expected);
    }

    /// The reader of rows and what follows the quotes see the same fields.
    #[test]
    fn quotes_that_are_right_are_not_complained_of(
        fields in prop::collection::vec("[a\",\r\n]{0,6}", 1..12),
        piece in 1_usize..9,
    ) {
        let mut text = String::from("a");
        for field in &fields {
            text.push_str("\n\"");
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        }
        let items = run(read(file(Format::Csv, text.as_bytes(), piece))).unwrap();
        prop_assert_eq!(items.len(), fields.len());
        for (item, field) in items.iter().zip(&fields) {
            prop_assert!(item.error.is_none(), "{:?}", item.error);
            prop_assert_eq!(item.input.get(), json!({"a": field}).to_string());
        }
        // One quote more is always seen: in what it opens, or behind what it closes.
        let items = run(read(file(Format::Csv, format!("{text}\nx\n\"").as_bytes(), piece))).unwrap();
        prop_assert!(items.last().unwrap().error.is_some());
        let items = run(read(file(Format::Csv, format!("{text}x\ny").as_bytes(), piece)));
        let bad = items.map_or(1, |items| items.iter().filter(|item| item.error.is_some()).count());
        prop_assert_eq!(bad, 1);
    }

    #[test]
    fn no_bytes_break_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1_usize..40) {
        for format in [Format::Jsonl, Format::Csv] {
            if let Ok(items) = run(read(file(format, &bytes, piece))) {
                for item in items {
                    prop_assert!(!item.input.get().contains('\n'));
                }
            }
        }
    }
}
