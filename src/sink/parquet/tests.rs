use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::modules::Modules;
use super::*;
use crate::encode::columns::OTHER;
use crate::encode::columns::testing::marked;
use crate::keys::secret::KEY_BYTES;

const KEY: [u8; KEY_BYTES] = [9; KEY_BYTES];

fn columns() -> Arc<Columns> {
    let own = [
        ("client.address", Type::Token),
        ("http.response.status_code", Type::Integer),
        ("http.server.request.duration", Type::Decimal),
        ("url.\"path\"", Type::Text),
        ("ready", Type::Flag),
        ("word", Type::Word),
        ("at", Type::Time),
    ];
    Arc::new(Columns::of(own).with_constant("constant", 7))
}

/// A part of these lines, of a new row group for each element, with an end after each, and where these are.
fn part(groups: &[&str], is_sealed: bool) -> io::Result<(Vec<u8>, Vec<usize>)> {
    let sealing =
        is_sealed.then(|| Sealing { modules: Modules::new(&KEY).unwrap(), label: b"label".to_vec() });
    let (mut table, mut press) = (Table::new(&columns(), sealing)?, Press::new()?);
    let (mut file, mut ends) = (Vec::new(), Vec::new());
    for lines in groups {
        table.add(marked(&columns(), lines).as_bytes(), &mut press)?;
        assert_eq!(table.waiting() > 0, !lines.is_empty());
        file.extend(table.group(&mut press)?);
        assert_eq!(table.waiting(), 0);
        file.extend(table.end()?);
        ends.push(file.len());
    }
    Ok((file, ends))
}

/// What the Parquet library finds.
fn open(file: &[u8], is_sealed: bool) -> (Vec<RecordBatch>, ParquetMetaData) {
    let mut options = ArrowReaderOptions::new();
    if is_sealed {
        let key = FileDecryptionProperties::builder(KEY.to_vec()).build().unwrap();
        options = options.with_file_decryption_properties(key);
    }
    let mut disk = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut disk, file).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(disk, options).unwrap();
    assert_eq!(*reader.schema(), columns().schema());
    let facts = ParquetMetaData::clone(reader.metadata());
    (reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect(), facts)
}

fn read(lines: &str) -> RecordBatch {
    let (file, _) = part(&[lines], false).unwrap();
    let (mut batches, _) = open(&file, false);
    assert_eq!(batches.len(), 1);
    batches.remove(0)
}

#[test]
fn every_value_has_its_type_and_what_does_not_fit_is_kept_beside() {
    let lines = concat!(
        r#"{"time":"2026-11-21T10:15:32.000250Z","sluis.class":"web","client.address":"abc","http.response.status_code":200,"http.server.request.duration":0.0015,"url.\"path\"":"/a\u0001\"b","sluis.epoch":"web/1/2","sluis.deadline":"2026-12-05T10:00:00Z","sluis.time_completed":true}"#,
        "\n",
        r#"{"sluis.class":"web","http.response.status_code":"2xx","url.\"path\"":["/x","y\"]"],"ready":{"a":[1,2]},"http.server.request.duration":"1 : 2","sluis.epoch":"web/1/2"}"#,
        "\n",
        r#"{"time":"soon","sluis.class":"web","http.response.status_code":99999999999999999999,"http.response.status_code":7,"sluis.epoch":""}"#,
        "\n",
    );
    let batch = read(lines);
    assert_eq!((batch.num_rows(), batch.num_columns()), (3, 14));
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let time = column("time").as_primitive::<TimestampMicrosecondType>();
    assert_eq!((time.value(0), time.is_null(1), time.is_null(2)), (1_795_256_132_000_250, true, true));
    let text = |name: &str, row: usize| {
        let all = column(name).as_string::<i32>();
        all.is_valid(row).then(|| all.value(row).to_owned())
    };
    assert_eq!(
        [text("client.address", 0).as_deref(), text("client.address", 1).as_deref()],
        [Some("abc"), None]
    );
    let status = column("http.response.status_code").as_primitive::<Int64Type>();
    assert_eq!((status.value(0), status.is_null(1), status.value(2)), (200, true, 7));
    assert!(
        (column("http.server.request.duration").as_primitive::<Float64Type>().value(0) - 0.0015).abs()
            < 1e-12
    );
    assert_eq!(text("url.\"path\"", 0).as_deref(), Some("/a\u{1}\"b"));
    assert_eq!(text("url.\"path\"", 1).as_deref(), Some(r#"["/x","y\"]"]"#));
    let completed = column("sluis.time_completed").as_boolean();
    assert!(completed.value(0) && completed.is_null(1));
    assert_eq!(column("constant").as_primitive::<Int64Type>().values(), &[7, 7, 7]);
    assert_eq!(
        [text(OTHER, 0), text(OTHER, 1), text(OTHER, 2)],
        [
            None,
            Some(r#"{"http.response.status_code":"2xx","ready":{"a":[1,2]},"http.server.request.duration":"1 : 2"}"#.to_owned()),
            Some(r#"{"time":"soon","http.response.status_code":99999999999999999999}"#.to_owned()),
        ]
    );
}

#[test]
fn what_we_never_write_is_an_error_that_says_nothing_of_it() {
    let broken: [&[u8]; 14] = [
        b"x\n",
        b"{\"sluis.class\":\"web\"}\n",
        b"\x1f\n",
        b"\x1f@\n",
        b"\x1f@A\n",
        b"\x1f@A\"\n",
        b"\x1f@A\"web\n",
        b"\x1f~~1\n",
        b"x\x1f@A\"web\"\n",
        b"\x1f@A\"w\teb\"\n",
        b"\\\n",
        b"\x1f@A\"web\"",
        b"\x1f@A\"web\"\nx",
        b"\x1f@A\"\xff\"\n",
    ];
    for broken in broken {
        let (mut table, mut press) = (Table::new(&columns(), None).unwrap(), Press::new().unwrap());
        table.add(b"\x1f@A\"web\"\n\n", &mut press).unwrap();
        let error = table.add(broken, &mut press).unwrap_err().to_string();
        let said = error.replace("record 3", "record 2");
        assert_eq!(said, unreadable(Unreadable { record: 2 }).to_string(), "{broken:?}");
    }
}

/// What each row should have, by the name of its column: the obvious way, from JSON.
fn expected(lines: &str) -> Vec<Map<String, Value>> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of all batches as JSON, without what every row has.
fn rows(batches: &[RecordBatch]) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    for batch in batches {
        let start = rows.len();
        rows.resize_with(start + batch.num_rows(), Map::new);
        for (field, column) in columns().iter().zip(batch.columns()) {
            for row in (0..batch.num_rows()).filter(|row| column.is_valid(*row)) {
                let value = match field.kind {
                    Type::Time => {
                        let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
                        let instant = jiff::Timestamp::from_microsecond(micros).unwrap();
                        Value::from(instant.to_string())
                    }
                    Type::Integer => Value::from(column.as_primitive::<Int64Type>().value(row)),
                    Type::Decimal => Value::from(column.as_primitive::<Float64Type>().value(row)),
                    Type::Flag => Value::from(column.as_boolean().value(row)),
                    Type::Word | Type::Text | Type::Token => {
                        Value::from(column.as_string::<i32>().value(row))
                    }
                };
                if field.name == "constant" {
                    assert_eq!(value, 7);
                } else if field.name == OTHER {
                    let other: Map<String, Value> = serde_json::from_str(value.as_str().unwrap()).unwrap();
                    rows[start + row].extend(other);
                } else {
                    rows[start + row].insert(field.name.clone(), value);
                }
            }
        }
    }
    rows
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

/// Lines whose values are chosen by a number each: nothing, one of few, one of many; texts of every length, and what must be escaped.
fn lines(choices: &[u64], spread: u64) -> String {
    let mut lines = String::new();
    for (row, choice) in choices.iter().enumerate() {
        let mut record = Map::new();
        let mut add = |name: &str, place: u32, value: &dyn Fn(u64) -> Value| {
            let part = choice.rotate_right(place * 9);
            if part % 8 > 1 {
                record.insert(name.to_owned(), value(part / 8 % spread));
            }
        };
        add("time", 0, &|part| {
            Value::from(jiff::Timestamp::from_second(signed(part % 200_000_000) * 977).unwrap().to_string())
        });
        record_text(&mut add, spread);
        add("http.response.status_code", 3, &|part| match part % 9 {
            0 => Value::from("-"),
            1 => Value::from(-signed(part) * 1_000_003),
            _ => Value::from(part),
        });
        add("http.server.request.duration", 4, &|part| Value::from(f64::from(part as u32) / 64.0 + 0.5));
        add("ready", 5, &|part| Value::from(part % 2 == 0));
        add("at", 6, &|part| {
            Value::from(
                jiff::Timestamp::from_microsecond(signed((part % (1 << 28)).pow(2))).unwrap().to_string(),
            )
        });
        if row % 7 == 3 {
            record.insert("ready".to_owned(), Value::from(vec![choice % 5]));
        }
        lines.push_str(&Value::from(record).to_string());
        lines.push('\n');
    }
    lines
}

/// Adds a member, whose value is made of this part of the choice.
type Add<'a> = dyn FnMut(&str, u32, &dyn Fn(u64) -> Value) + 'a;

fn record_text(add: &mut Add<'_>, spread: u64) {
    add("client.address", 1, &|part| Value::from(format!("{part:0>width$}", width = (part % 40) as usize)));
    add("url.\"path\"", 2, &|part| {
        let piece = ["", "/a", "\"", "\\n", "\u{1}", "\u{e9}\u{1f600}"][(part % 6) as usize];
        Value::from(piece.repeat((part % spread % 70) as usize) + &part.to_string())
    });
    add("word", 7, &|part| Value::from(["GET", "POST", ""][(part % 3) as usize]));
}

/// What is read back is what was written, row by row, with a key and without, in every part that a checkpoint can count on.
fn check(groups: &[String]) {
    let lines: Vec<&str> = groups.iter().map(String::as_str).collect();
    for is_sealed in [false, true] {
        let (file, ends) = part(&lines, is_sealed).unwrap();
        for (count, end) in ends.into_iter().enumerate() {
            let (batches, facts) = open(&file[..end], is_sealed);
            let expected = expected(&groups[..=count].concat());
            let found = rows(&batches);
            assert_eq!(found.len(), expected.len());
            let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            assert!(
                differs.is_none(),
                "row {differs:?}: {:?}",
                differs.map(|row| (&found[row], &expected[row]))
            );
            check_facts(&facts, &expected, is_sealed);
        }
    }
}

/// What a footer says of the columns is true.
fn check_facts(facts: &ParquetMetaData, rows: &[Map<String, Value>], is_sealed: bool) {
    let mut start = 0;
    for group in facts.row_groups() {
        let rows = &rows[start..][..usize::try_from(group.num_rows()).unwrap()];
        start += rows.len();
        for (field, column) in columns().iter().zip(group.columns()) {
            assert_eq!(column.bloom_filter_offset().is_some(), field.kind == Type::Token && !is_sealed);
            assert_eq!(usize::try_from(column.num_values()).unwrap(), rows.len());
            if field.kind == Type::Integer && field.name != "constant" {
                let numbers: Vec<i64> =
                    rows.iter().filter_map(|row| row.get(&field.name)?.as_i64()).collect();
                let statistics = column.statistics().map(|all| match all {
                    Statistics::Int64(all) => (*all.min_opt().unwrap(), *all.max_opt().unwrap()),
                    _ => panic!("of another type"),
                });
                assert_eq!(statistics, numbers.iter().min().copied().zip(numbers.iter().max().copied()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_written_is_read_back(
        groups in prop::collection::vec(prop::collection::vec(any::<u64>(), 1..400), 1..4),
        spread in prop::sample::select(vec![1_u64, 2, 9, 300, 1 << 20]),
    ) {
        let groups: Vec<String> = groups.iter().map(|choices| lines(choices, spread)).collect();
        check(&groups);
    }
}

/// Numbers without order, always the same ones.
fn mixed(count: u64) -> Vec<u64> {
    (0..count)
        .map(|number| {
            (number + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        })
        .collect()
}

/// More rows than a page has, more texts than a dictionary, and every place where one thing becomes another.
#[test]
fn many_rows_are_read_back() {
    for spread in [5, 1 << 10, 1 << 40] {
        check(&[lines(&mixed(40_000), spread)]);
    }
}

/// Texts so long that the dictionary is full before a page is.
#[test]
fn long_texts_are_read_back() {
    let line = |number: u64| {
        let token = format!("{number}").repeat(20_000 + number as usize % 7);
        format!("{{\"client.address\":\"{token}\",\"url.\\\"path\\\"\":\"{token}\\n\"}}\n")
    };
    let all: String = (0..250).map(|number| line(number % 130)).collect();
    check(&[all]);
}

/// Runs of one text, through which the dictionary becomes too large; and a row between them that has none.
#[test]
fn runs_of_one_text_are_read_back() {
    let line = |row: u64| {
        let text = format!("{:0>60000}", row / 6);
        if row % 97 == 50 {
            return "{\"sluis.class\":\"web\"}\n".to_owned();
        }
        format!("{{\"sluis.class\":\"web\",\"url.\\\"path\\\"\":\"{text}\",\"word\":\"{}\"}}\n", row / 500)
    };
    check(&[(0..1_000).map(line).collect(), (0..10).map(line).collect()]);
}

/// A token that is there is never denied, be it in the dictionary or not; most others are.
#[test]
fn filters_have_every_token() {
    for count in [1_000_u32, 120_000] {
        let token = |number: u32| format!("token-number-{number:0>20}");
        let line = |number| format!("{{\"client.address\":\"{}\"}}\n", token(number));
        let lines = (0..count).map(line).collect::<Vec<_>>().concat();
        let (file, _) = part(&[&lines], false).unwrap();
        let (batches, facts) = open(&file, false);
        let found = batches.iter().flat_map(|rows| {
            let column = rows.column_by_name("client.address").unwrap();
            column.as_string::<i32>().iter().flatten()
        });
        assert!(found.eq((0..count).map(token)));
        let place = columns().iter().position(|column| column.name == "client.address").unwrap();
        let column = facts.row_group(0).column(place);
        let start = usize::try_from(column.bloom_filter_offset().unwrap()).unwrap();
        let bytes = &file[start..start + usize::try_from(column.bloom_filter_length().unwrap()).unwrap()];
        let filter = parquet::bloom_filter::Sbbf::from_bytes(bytes).unwrap();
        assert!((0..count).all(|number| filter.check(token(number).as_str())));
        let wrong = (count..count + 10_000).filter(|number| filter.check(token(*number).as_str())).count();
        assert!(wrong < 1_500, "{wrong}");
        // Data pages alone.
        let codings = column.page_encoding_stats_mask().unwrap();
        assert_eq!(codings.is_set(Encoding::PLAIN), count > 100_000);
    }
}
