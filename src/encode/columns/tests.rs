use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};

use super::*;

fn columns() -> Arc<Columns> {
    let own = [
        ("time", Type::Time),
        ("sluis.class", Type::Text),
        ("client.address", Type::Token),
        ("http.response.status_code", Type::Integer),
        ("http.server.request.duration", Type::Decimal),
        ("url.\"path\"", Type::Text),
        ("sluis.epoch", Type::Text),
        ("sluis.deadline", Type::Time),
        ("sluis.time_completed", Type::Flag),
        (OTHER, Type::Text),
    ];
    Arc::new(Columns::new(own.into_iter()))
}

fn read(lines: &[u8]) -> Result<arrow_array::RecordBatch, Unreadable> {
    let mut rows = Rows::new(&columns());
    rows.add(lines, |_| Ok::<_, Unreadable>(()))?;
    rows.take()
}

#[test]
fn every_value_has_its_type_and_what_does_not_fit_is_kept_beside() {
    let lines = concat!(
        r#"{"time":"2026-11-21T10:15:32.000250Z","sluis.class":"web","client.address":"abc","http.response.status_code":200,"http.server.request.duration":0.0015,"url.\"path\"":"/a\u0001\"b","sluis.epoch":"web/1/2","sluis.deadline":"2026-12-05T10:00:00Z","sluis.time_completed":true}"#,
        "\n",
        r#"{"sluis.class":"web","http.response.status_code":"2xx","url.\"path\"":["/x","y\"]"],"new":{"a":[1,2]},"http.server.request.duration":"1 : 2","sluis.epoch":"web/1/2"}"#,
        "\n",
        r#"{"time":"soon","sluis.class":"web","http.response.status_code":99999999999999999999,"http.response.status_code":7,"sluis.epoch":""}"#,
        "\n",
    );
    let batch = read(lines.as_bytes()).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (3, 10));
    let time = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!((time.value(0), time.is_null(1), time.is_null(2)), (1_795_256_132_000_250, true, true));
    let text = |column: usize, row: usize| {
        let all = batch.column(column).as_string::<i32>();
        all.is_valid(row).then(|| all.value(row).to_owned())
    };
    assert_eq!([text(2, 0).as_deref(), text(2, 1).as_deref()], [Some("abc"), None]);
    let status = batch.column(3).as_primitive::<Int64Type>();
    assert_eq!((status.value(0), status.is_null(1), status.value(2)), (200, true, 7));
    assert!((batch.column(4).as_primitive::<Float64Type>().value(0) - 0.0015).abs() < 1e-12);
    assert_eq!(text(5, 0).as_deref(), Some("/a\u{1}\"b"));
    assert_eq!(text(5, 1).as_deref(), Some(r#"["/x","y\"]"]"#));
    assert!(batch.column(8).as_boolean().value(0) && batch.column(8).is_null(1));
    assert_eq!(
        [text(9, 0), text(9, 1), text(9, 2)],
        [
            None,
            Some(r#"{"http.response.status_code":"2xx","new":{"a":[1,2]},"http.server.request.duration":"1 : 2"}"#.to_owned()),
            Some(r#"{"time":"soon","http.response.status_code":99999999999999999999}"#.to_owned()),
        ]
    );
}

#[test]
fn what_we_never_write_is_an_error_that_says_nothing_of_it() {
    for broken in [
        "x",
        "{",
        "{}x",
        "{\"a}",
        "{\"a\":}",
        "{\"a\":[1}",
        "{\"a\":\"1}",
        "{\"a\" 1}",
        "{\"a\":1]}",
        "{\"a\":\"\\",
    ] {
        let lines = format!("{{\"sluis.class\":\"web\"}}\n{broken}\n");
        assert_eq!(read(lines.as_bytes()), Err(Unreadable { record: 1 }), "{broken}");
    }
    assert_eq!(read(&[0xff, b'\n']), Err(Unreadable { record: 0 }));
    assert_eq!(read(b"").unwrap().num_rows(), 0);
}

#[test]
fn rows_are_taken_and_begin_anew() {
    let mut rows = Rows::new(&columns());
    let full = |_: &arrow_array::RecordBatch| Ok::<_, Unreadable>(());
    let line = |number: u32| {
        format!("{{\"sluis.class\":\"web\",\"http.response.status_code\":{number},\"sluis.epoch\":\"e\"}}\n")
    };
    for round in 1..4 {
        rows.add((line(round) + &line(200)).as_bytes(), full).unwrap();
        rows.add(line(300).as_bytes(), full).unwrap();
        assert_eq!(rows.count(), 3);
        let batch = rows.take().unwrap();
        let status = batch.column(3).as_primitive::<Int64Type>();
        assert_eq!(status.values(), &[i64::from(round), 200, 300]);
        assert_eq!((batch.column(2).null_count(), batch.column(1).null_count()), (3, 0));
    }
    assert_eq!((rows.count(), rows.take().unwrap().num_rows()), (0, 0));
    // A line without its end is none.
    assert_eq!(rows.add(b"{\"sluis.class\":\"web\"}", full), Err(Unreadable { record: 0 }));
    // A batch is taken as soon as it is one.
    let mut taken = 0;
    let lines = line(7).repeat(5_000);
    let full = |batch: &arrow_array::RecordBatch| {
        taken += batch.num_rows();
        Ok::<_, Unreadable>(())
    };
    rows.add(lines.as_bytes(), full).unwrap();
    assert_eq!((taken, rows.count(), rows.bytes()), (4_096, 904, 904 * (line(7).len() - 1)));
}
