use super::*;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use wengert_tensor::tensor;

const WHAT_TO_DO: &str =
    "mend it, or leave its column out by `without`, or name it in `Csv::missing` if it stands for no value";

fn table(text: &str) -> Table {
    Csv::new().parse(text.as_bytes(), "t").unwrap()
}

fn told(text: &[u8]) -> String {
    Csv::new().parse(text, "t").unwrap_err().to_string()
}

#[test]
fn fields_are_quoted_trimmed_and_may_span_lines() {
    let table = table("\u{feff} a ,\"b, c\",\"d\"\"e\"\r\n 1 ,\"x\ny\", z \r\n\r\n2,\"\",w");
    assert_eq!(table.names(), ["a", "b, c", "d\"e"]);
    assert_eq!((table.text(0, 1), table.text(0, 2), table.text(1, 0)), ("x\ny", "z", "2"));
    let missing = Missing { line: 5, row: 1, column: 2, name: "b, c".into() };
    assert_eq!(table.missing(), [missing]);
    assert_eq!(table.without_missing().len(), 1);
}

#[test]
fn numbers_are_exact_and_missing_ones_are_named() {
    let table = table("a,b\n1e-3,-2.5\n+4,NA\nnan,?\n");
    assert_eq!(
        table.numbers::<f64>().unwrap_err().to_string(),
        "t: line 3, column 2 `b`: no value (and 2 more are missing); \
         `missing` lists such places, `without_missing` leaves out their rows, `numbers_or` fills them"
    );
    assert_eq!(table.without_missing().numbers::<f64>().unwrap(), tensor![[1e-3, -2.5]]);
    assert_eq!(table.numbers_or(-1.0).unwrap(), tensor![[1e-3, -2.5], [4.0, -1.0], [-1.0, -1.0]]);
    assert_eq!(table.select(&["a"]).unwrap().missing().len(), 1);
    // The column keeps the number that it has in the file.
    assert_eq!(table.select(&["b"]).unwrap().missing()[0].column, 2);
    let own = Csv::new().missing(&["-999"]).parse(b"a,b\n-999,\n", "t").unwrap();
    assert_eq!(own.missing().len(), 1);
    assert_eq!(own.numbers::<f32>().unwrap_err().to_string().lines().count(), 1);
}

#[test]
fn texts_become_classes() {
    let table = table("x,kind\n1,b\n2,a\n3,b\n");
    let (data, names) = table.labelled::<f32>("kind").unwrap();
    assert_eq!((data.labels(), &names[..]), (&tensor![1, 0, 1], &["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(data.features(), &tensor![[1.0], [2.0], [3.0]]);
    // Another file with the same numbers, although it lacks a class.
    let other = Csv::new().parse(b"x,kind\n1,b\n", "u").unwrap();
    assert_eq!(other.classes_of("kind", &names).unwrap(), tensor![1]);
    let strange = Csv::new().parse(b"x,kind\n1,b\n1,c\n", "u").unwrap();
    assert_eq!(
        strange.classes_of("kind", &names).unwrap_err().to_string(),
        format!("u: line 3, column 2 `kind`: `c` is not one of the classes; {WHAT_TO_DO}")
    );
}

#[test]
fn classes_that_are_numbers_are_in_their_order() {
    let (labels, names) = table("n\n10\n9\n-1\n10\n").classes("n").unwrap();
    assert_eq!((labels, names), (tensor![2, 1, 0, 2], ["-1", "9", "10"].map(str::to_owned).to_vec()));
}

#[test]
fn files_may_be_compressed_and_have_other_rules() {
    let path = std::env::temp_dir().join(format!("wengert-{}.csv.gz", std::process::id()));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"1;2\n3;4\n").unwrap();
    let packed = encoder.finish().unwrap();
    std::fs::write(&path, &packed).unwrap();
    let table = Csv::new().delimiter(b';').no_header().read(&path).unwrap();
    assert_eq!((table.names(), table.len()), (&["1".to_owned(), "2".to_owned()][..], 2));
    std::fs::write(&path, &packed[..packed.len() - 3]).unwrap();
    let error = Csv::new().read(&path).unwrap_err();
    assert!(matches!(error.kind, TableErrorKind::Io(_)), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert!(Csv::new().read(&path).unwrap_err().to_string().starts_with(&format!("{}: ", path.display())));
}

#[test]
fn what_is_no_table_is_refused_with_its_place() {
    assert_eq!(told(b""), "t: it has no rows; if its only line is one, use `no_header`");
    assert_eq!(told(b"a,b\n"), told(b""));
    assert_eq!(told(b"a,b\n1,2\n3\n"), "t: line 3: it has 1 fields, the lines before have 2; is the delimiter right?");
    assert_eq!(told(b"a,b\n\n1,2,3\n"), "t: line 3: it has 3 fields, the lines before have 2; is the delimiter right?");
    assert_eq!(told(b"a\n1\n\xff\n"), "t: line 3: it is not UTF-8; is it text?");
    assert_eq!(told(b"a\xff\n1\n"), "t: line 1: it is not UTF-8; is it text?");
    assert_eq!(told(b"a\n1\n\"2\n3\n"), "t: line 3: a quote is opened and never closed; close it there");
    assert_eq!(told(b"7,7\n1,2\n"), "t: two columns are called `7`; if the first line holds no names, use `no_header`");
    let table = table("a,b\n1,x\n1e99,2\n");
    assert_eq!(table.select(&["c"]).unwrap_err().to_string(), "t: no column is called `c`, but these are: `a`, `b`");
    assert!(table.without(&["c"]).is_err() && table.labelled::<f32>("c").is_err() && table.classes("c").is_err());
    assert_eq!(
        table.numbers::<f32>().unwrap_err().to_string(),
        format!("t: line 2, column 2 `b`: `x` is not a number; {WHAT_TO_DO}")
    );
    assert_eq!(
        table.select(&["a"]).unwrap().numbers::<f32>().unwrap_err().to_string(),
        format!("t: line 3, column 1 `a`: `1e99` is not a finite number; {WHAT_TO_DO}")
    );
}

/// A table as a program would write it, and what is in it.
fn any_table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1usize..5).prop_flat_map(|columns| {
        let field = prop_oneof!["[a-z]{1,3}", "[ -~\n]{0,6}", Just(String::new())];
        prop::collection::vec(prop::collection::vec(field, columns), 1..6)
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(rows in any_table()) {
        let mut text = String::new();
        for row in &rows {
            let fields: Vec<String> = row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            text += &fields.join(",");
            text.push('\n');
        }
        let table = Csv::new().no_header().parse(text.as_bytes(), "t").unwrap();
        prop_assert_eq!(table.len(), rows.len());
        for (i, row) in rows.iter().enumerate() {
            for (j, field) in row.iter().enumerate() {
                prop_assert_eq!(table.text(i, j), field.trim());
            }
        }
    }

    /// No bytes bring it down, and cutting a good file is told or harmless.
    #[test]
    fn damage_is_an_error_or_a_table(rows in any_table(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes: Vec<u8> = rows.iter().map(|row| row.join(",") + "\n").collect::<String>().into();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        if let Ok(table) = Csv::new().parse(&bytes, "t") {
            let missing = table.missing().len();
            prop_assert!(table.numbers::<f32>().is_err() || missing == 0);
        }
    }
}
