//! Compares the pages that are written from the table with it.
//!
//! `SAM_BLESS=1 cargo test -p sam --lib pages` writes the pages anew.

use std::{env, fs, path::Path};

use super::{
    setting::{Section, Setting, Unset, spelled},
    table::SETTINGS,
};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares the text between two marks of a file with `expected`, or writes it there.
fn compare(name: &str, marks: (&str, &str), expected: &str) {
    let text = fs::read_to_string(path(name)).unwrap();
    let (before, rest) = text.split_once(marks.0).unwrap_or_else(|| panic!("{name} has no {:?}", marks.0));
    let (found, after) = rest.split_once(marks.1).unwrap_or_else(|| panic!("{name} has no {:?}", marks.1));
    if env::var_os("SAM_BLESS").is_some() {
        let written = [before, marks.0, expected, marks.1, after].concat();
        fs::write(path(name), written).unwrap();
        return;
    }
    assert!(
        found == expected,
        "{name} differs from the table; run with SAM_BLESS=1 and look at the difference:\n{expected}"
    );
}

/// `0` and `1` of a switch in words of the page.
fn default(setting: &Setting, words: [&str; 2]) -> String {
    match setting.default {
        Unset::Value("0") if setting.is_switch() => words[0].to_owned(),
        Unset::Value("1") if setting.is_switch() => words[1].to_owned(),
        Unset::Value(text) => format!("`{text}`"),
        Unset::Text(text) => text.to_owned(),
    }
}

const SECTIONS: [(Section, &str); 6] = [
    (Section::Health, "Health"),
    (Section::Failure, "What follows a failure"),
    (Section::Instances, "Instances, and what they leave"),
    (Section::Stop, "Stops and signals"),
    (Section::Surroundings, "What another program finds around itself"),
    (Section::Reports, "Reports"),
];

#[test]
fn the_chapter_of_options_is_the_table() {
    let mut page = "\n".to_owned();
    for (section, title) in SECTIONS {
        page += &format!("\n# {title}\n\n| option | meaning | default | where |\n|---|---|---|---|\n");
        for setting in SETTINGS.iter().filter(|setting| setting.section == section) {
            let name = match setting.places.builder {
                true => format!("[`{0}`](crate::Builder::{0})", setting.key()),
                false => format!("`{}`", setting.word),
            };
            let spell = |text: &'static str| {
                spelled(text, |word| format!("`{}`", word.replace('-', "_"))).replace('|', "\\|").replace("[:", "\\[:")
            };
            let mut text = default(setting, ["`0`", "`1`"]).replace('|', "\\|");
            if let Some(other) = setting.default_of_command {
                text += &format!("; command: {}", spell(other));
            }
            let places = setting.places;
            let places: Vec<_> =
                [(places.attribute, "A"), (places.environment, "E"), (places.command, "C"), (places.builder, "B")]
                    .into_iter()
                    .filter_map(|(is_there, letter)| is_there.then_some(letter))
                    .collect();
            let value = setting.value.placeholder.replace('|', "\\|");
            page += &format!("| {name} `{value}` | {} | {text} | {} |\n", spell(setting.meaning), places.join(" "));
        }
    }
    compare("docs/options.md", ("<!-- table -->", "<!-- end of table -->"), &page);
    let since = fs::read_to_string(path("docs/options.md")).unwrap();
    for setting in SETTINGS {
        assert!(since.contains(&format!("since {}", setting.since)), "{}: {}", setting.word, setting.since);
    }
}

#[test]
fn the_attribute_takes_what_the_table_gives_it() {
    let mut table = "\n| key | value | meaning | default |\n|---|---|---|---|\n".to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.places.attribute) {
        let value = match setting.value.placeholder {
            "0|1" => "`true`, `false`".to_owned(),
            "TIME" => "a time".to_owned(),
            "TIME..TIME" => "two times: `\"100ms..30s\"`".to_owned(),
            "N/TIME" => "`\"10/60s\"`".to_owned(),
            "CODES" => "`(3, 4)`".to_owned(),
            "N" => "a number".to_owned(),
            "SIGNAL" => "a name or number".to_owned(),
            "COMMAND" | "FILE" => format!("a {}", setting.value.placeholder.to_lowercase()),
            _ => setting
                .value
                .expected
                .replace(" or ", ", ")
                .split(", ")
                .map(|word| format!("`\"{word}\"`"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let default = match setting.default {
            Unset::Value(text) if setting.value.placeholder == "N" => format!("`{text}`"),
            Unset::Value(text) if !setting.is_switch() => format!("`\"{text}\"`"),
            _ => default(setting, ["`false`", "`true`"]),
        };
        let meaning = spelled(setting.meaning, |word| format!("`{}`", word.replace('-', "_")));
        table += &format!("| `{}` | {value} | {meaning} | {default} |\n", setting.key());
    }
    compare("../lcr-macros/docs/main.md", ("<!-- keys of sam's table -->", "<!-- end of keys -->"), &table);
}

#[test]
fn the_manual_of_libsam_lists_the_environment() {
    let mut list = "\n".to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.places.environment) {
        let spell = |text: &'static str| {
            spelled(text, |word| format!("SAM_{}", word.to_ascii_uppercase().replace('-', "_"))).replace('-', "\\-")
        };
        let meaning =
            spell(setting.meaning).replace("App::resume_checks", "sam_start").replace("App::ready", "sam_start");
        let default = default(setting, ["0", "1"]).replace('`', "").replace('-', "\\-");
        let value = match setting.value.expected {
            words if words.starts_with("a ") || words.starts_with("the ") => setting.value.placeholder,
            words => words,
        };
        list += &format!(".TP\n.BR {} \" (\" \"{}\" )\n", setting.variable(), value.replace('-', "\\-"));
        for sentence in meaning.split_inclusive(". ") {
            list += &format!("{}\n", sentence.trim_end());
        }
        list += &format!("Default: {default}.\n");
    }
    compare("man/sam_overview.3", (".\\\" The variables of sam's table.", ".\\\" End of the variables."), &list);
}

#[test]
fn the_chapter_of_c_has_the_program_of_the_manual() {
    let page = include_str!("../../docs/c.md");
    let manual = include_str!("../../man/sam_overview.3");
    let program = page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(manual.contains(program), "{program}");
}

/// The documentation of a method of the builder.
fn doc(method: &str) -> Option<String> {
    let source = include_str!("../builder.rs");
    let at = source.find(&format!("    pub fn {method}(mut self"))?;
    let lines = source[..at].lines().rev().take_while(|line| line.trim_start().starts_with("///"));
    let mut lines: Vec<_> = lines.map(|line| line.trim_start().trim_start_matches("///").trim()).collect();
    lines.reverse();
    Some(lines.join(" "))
}

#[test]
fn the_builder_has_each_option_and_says_its_default() {
    let plain = |text: &str| text.replace([' ', '`'], "").to_lowercase();
    let mut checked = 0;
    for setting in SETTINGS {
        let doc = doc(&setting.key());
        assert_eq!(doc.is_some(), setting.places.builder, "{}", setting.key());
        let Some(doc) = doc else { continue };
        let (_, said) = doc.split_once("Default: ").unwrap_or_else(|| panic!("{} has no default", setting.key()));
        let expected = match setting.default {
            Unset::Value("0") if setting.is_switch() => "false".to_owned(),
            Unset::Value("1") if setting.is_switch() => "true".to_owned(),
            Unset::Value("10/60s") => "10in60s".to_owned(),
            // `[`KillMode::Group`]`
            Unset::Value(word) if !setting.value.expected.starts_with("a ") => format!("::{word}"),
            Unset::Value(text) | Unset::Text(text) => text.split(';').next().unwrap().to_owned(),
        };
        assert!(plain(said).contains(&plain(&expected)), "{}: {expected}, and not {said}", setting.key());
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn the_chapter_of_defaults_agrees_with_the_table() {
    let page = include_str!("../../docs/defaults.md");
    let mut checked = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let here = row.split(" | ").nth(1).unwrap_or_default();
        let plain = here.replace([' ', '`'], "");
        for setting in SETTINGS.iter().filter(|setting| here.contains(&format!("crate::Builder::{})", setting.key()))) {
            if let Unset::Value(default) = setting.default
                && default.bytes().any(|byte| byte.is_ascii_digit())
                && !setting.is_switch()
            {
                let default = default.replace('/', "in");
                assert!(plain.contains(&default), "{}: {default} is not in {here}", setting.word);
                checked += 1;
            }
        }
    }
    assert!(checked >= 4, "{checked}");
}

/// The macro refuses a key that it does not know, and its test of goldens compares the expansion.
#[test]
fn the_golden_of_the_attribute_has_each_of_its_keys() {
    let source = include_str!("../../../lcr-macros/golden/main.rs");
    for setting in SETTINGS.iter().filter(|setting| setting.places.attribute) {
        assert!(
            source.contains(&format!("    {} = ", setting.key()))
                || source.contains(&format!("    {}(", setting.key())),
            "the golden of #[sam::main] has no {}",
            setting.key()
        );
    }
}
