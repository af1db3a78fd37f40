use super::*;

fn shown(column: &[u8]) -> String {
    match parse_field(column) {
        Some(Column::Address { address, start, end }) => {
            format!("{address} {}", String::from_utf8_lossy(&column[start..end]))
        }
        Some(Column::Masked { address, .. }) => format!("masked {address}"),
        Some(Column::Unix) => "unix".into(),
        Some(Column::Host) => "host".into(),
        Some(Column::Obscure) => "obscure".into(),
        None => "none".into(),
    }
}

#[test]
fn columns() {
    for (column, want) in [
        ("192.0.2.1", "192.0.2.1 192.0.2.1"),
        ("192.168.001.010", "192.168.1.10 192.168.001.010"),
        ("192.0.2.1:443", "192.0.2.1 192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1 2001:DB8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1 2001:0db8:0000:0000:0000:0000:0000:0001"),
        ("::ffff:192.0.2.1", "192.0.2.1 ::ffff:192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1 ::ffff:192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1 2001:db8::1"),
        ("fe80::1%eth0", "fe80::1 fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1 fe80::1"),
        ("2001:db8::9:50312", "2001:db8::9 2001:db8::9"),
        ("2001:db8:1:2:3:4:5:6:8080", "2001:db8:1:2:3:4:5:6 2001:db8:1:2:3:4:5:6"),
        ("192.0.2.0/24", "masked 192.0.2.0"),
        ("2001:db8::/40", "masked 2001:db8::"),
        ("192.0.2.xxx", "masked 192.0.2.0"),
        ("203.0.x.x", "masked 203.0.0.0"),
        ("/192.0.2.1:443", "192.0.2.1 192.0.2.1"),
        ("host.example.org/192.0.2.1", "192.0.2.1 192.0.2.1"),
        ("unix:", "unix"),
        ("unix:/run/php.sock", "unix"),
        ("client.example.org", "host"),
        ("client.example.org:8080", "host"),
        ("unknown", "obscure"),
        ("_hidden", "obscure"),
        ("192.0.2.256", "none"),
        ("192.0.2", "none"),
        ("-", "none"),
        ("", "none"),
        ("[", "none"),
        ("a b", "none"),
    ] {
        assert_eq!(shown(column.as_bytes()), want, "{column}");
    }
}

#[test]
fn lists() {
    let all = |list: &'static str| -> Vec<String> {
        items(list.as_bytes())
            .map(|item| {
                let text = &list[item.start..item.end];
                match item.column {
                    Some(Column::Address { address, start, end }) => {
                        format!("{address}={}", &list[start..end])
                    }
                    Some(_) => text.to_string(),
                    None => format!("text {text}"),
                }
            })
            .collect()
    };
    assert_eq!(
        all("203.0.113.7, 2001:db8::1,unknown"),
        ["203.0.113.7=203.0.113.7", "2001:db8::1=2001:db8::1", "unknown"]
    );
    assert_eq!(
        all(r#"for="[2001:db8::1]:47";proto=https;by=_gw, For=203.0.113.7"#),
        ["2001:db8::1=2001:db8::1", "https", "_gw", "203.0.113.7=203.0.113.7"]
    );
    assert_eq!(
        all("192.0.2.1:80, -, [2001:db8::2]:80 : unix:/run/a.sock : 192.0.2.3:80"),
        ["192.0.2.1=192.0.2.1", "2001:db8::2=2001:db8::2", "unix:/run/a.sock", "192.0.2.3=192.0.2.3"]
    );
    assert_eq!(all("\"203.0.113.7\", ' 10.0.0.1 '"), ["203.0.113.7=203.0.113.7", "10.0.0.1=10.0.0.1"]);
    assert_eq!(all("alice smith, 10.0.0.1"), ["text alice smith", "10.0.0.1=10.0.0.1"]);
    assert!(all(" , ,, -").is_empty());
}

#[test]
fn truncation_counts_bits() {
    let prefix = Prefix { v4: 24, v6: 40 };
    let cut = |text: &str, prefix| truncate(text.parse().unwrap(), prefix).to_string();
    assert_eq!(cut("203.0.113.77", prefix), "203.0.113.0");
    assert_eq!(cut("::ffff:203.0.113.77", prefix), "203.0.113.0");
    assert_eq!(cut("2001:db8:7777:6666:5::1", prefix), "2001:db8:7700::");
    assert_eq!(cut("203.0.113.77", Prefix { v4: 0, v6: 0 }), "0.0.0.0");
    assert_eq!(cut("2001:db8::1", Prefix { v4: 0, v6: 0 }), "::");
    assert_eq!(cut("203.0.113.77", Prefix { v4: 255, v6: 255 }), "203.0.113.77");
    for bits in 0..=32_u8 {
        let kept = truncate(IpAddr::V4(Ipv4Addr::from_bits(u32::MAX)), Prefix { v4: bits, v6: 0 });
        let IpAddr::V4(kept) = kept else { panic!("family") };
        assert_eq!(kept.to_bits().leading_ones(), u32::from(bits));
        assert_eq!(kept.to_bits().count_ones(), u32::from(bits));
    }
    for bits in 0..=128_u8 {
        let kept = truncate(IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)), Prefix { v4: 0, v6: bits });
        let IpAddr::V6(kept) = kept else { panic!("family") };
        assert_eq!(kept.to_bits().count_ones(), u32::from(bits));
    }
}

proptest::proptest! {
    #[test]
    fn written_as_the_standard_library_writes(bits: u128, zeros: u8, v4: u32) {
        let mut groups = Ipv6Addr::from_bits(bits).segments();
        for (place, group) in groups.iter_mut().enumerate() {
            if zeros >> place & 1 == 1 {
                *group = 0;
            }
        }
        let (v6, v4) = (Ipv6Addr::from(groups), Ipv4Addr::from_bits(v4));
        let mut out = Vec::new();
        write_address(IpAddr::V6(v6), &mut out);
        proptest::prop_assert_eq!(String::from_utf8_lossy(&out), v6.to_string());
        out.clear();
        write_address(IpAddr::V4(v4), &mut out);
        proptest::prop_assert_eq!(String::from_utf8_lossy(&out), v4.to_string());
        proptest::prop_assert_eq!(parse_v4(&out), Some(v4));
    }

    #[test]
    fn read_as_the_standard_library_reads(text in "([0-9a-fA-F]{1,4}:|::|:|[0-9a-f]{1,5}|1\\.2\\.3\\.4){1,10}") {
        let read = match parse_field(text.as_bytes()) {
            Some(Column::Address { address, start: 0, end }) if end == text.len() => Some(address),
            _ => None,
        };
        // What is no address by the standard may be one with a port, or IPv4 with leading zeros.
        if let Ok(standard) = text.parse::<IpAddr>() {
            proptest::prop_assert_eq!(read, Some(canonical(standard)));
        } else {
            proptest::prop_assert!(!matches!(read, Some(IpAddr::V6(_))));
        }
    }

    #[test]
    fn any_bytes_are_taken(column: Vec<u8>) {
        if let Some(Column::Address { start, end, .. } | Column::Masked { start, end, .. }) = parse_field(&column) {
            proptest::prop_assert!(start < end && end <= column.len());
        }
        let mut last = 0;
        for item in items(&column) {
            proptest::prop_assert!(item.start >= last && item.end > item.start && item.end <= column.len());
            last = item.end;
        }
    }
}
