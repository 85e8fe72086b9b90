//! A part of a value, by the way to it: `.entry.tags[0]`.
//!
//! The way is the one that [`json`](super::json) and [`difference`](super::difference) tell in errors: it leads through
//! the value's JSON. So a box, a newtype and what an `Option` has are passed through, `.Ok`, `.Err` and the name of a
//! variant lead to what is inside, and `.Some` to what an `Option` of what may itself be `null` has. An entry of a map
//! is named by its key, which is a text: `.key`, or `["any key"]`. A field of a tuple is `[0]` or `.0`.
//!
//! A way is compared with a type once, before there is a value: what can never be there is refused, with the parts that
//! are. Of a value, a part may be absent: another variant, a `None`, fewer elements, no such key. To go there takes a
//! step for each part of the way, and for each entry of a map that is passed; no text is read but for keys of the right
//! length.

use std::iter;

use super::{
    types::{Content, Field, Fields, Form, Meaning, Style, Type, Variant},
    view::{At, View},
};

/// How many parts a refusal names.
const NAMED: usize = 20;

/// A way, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way(Vec<Named>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// `.name`, or `["name"]`.
    Name(String),
    /// `[0]`.
    Place(usize),
}

impl Named {
    fn written(&self) -> String {
        match self {
            Named::Name(name) if name.contains(|byte: char| !byte.is_alphanumeric() && byte != '_') => {
                format!("[{name:?}]")
            }
            Named::Name(name) => format!(".{name}"),
            Named::Place(place) => format!("[{place}]"),
        }
    }

    /// The place that it may be of a field without a name.
    fn place(&self) -> Option<usize> {
        match self {
            Named::Name(name) => name.parse().ok(),
            Named::Place(place) => Some(*place),
        }
    }
}

impl Way {
    /// Reads a way, which begins with `.` or `[`; an empty one leads to the value itself.
    ///
    /// # Errors
    /// Where it is no way, in words.
    pub(crate) fn read(text: &str) -> Result<Way, String> {
        let mut way = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (named, behind) = read_step(rest).ok_or_else(|| {
                format!("`{rest:.80}` is no way to a part; write it as in .name, [0] or [\"any key\"]")
            })?;
            way.push(named);
            rest = behind;
        }
        Ok(Way(way))
    }

    /// The part of values of the type that it leads to. `name` names the value in errors.
    ///
    /// # Errors
    /// That no value has such a part, with the parts that there are.
    pub(crate) fn to_part_of<'t>(&self, ty: &'t Type<'t>, name: &str) -> Result<Part<'t>, String> {
        let mut part = Part { steps: Vec::new(), ty, is_secret: false };
        let mut passed = name.to_owned();
        let mut left = self.0.iter();
        while let Some(named) = left.next() {
            part.go_inside();
            let variant = part.step(named).map_err(|known| known.refuse(&passed, named))?;
            passed += &named.written();
            if let Some(variant) = variant {
                let known = Known::of_fields(&variant.fields);
                let Some(field) = left.next() else {
                    return Err(format!("`{passed}` is no single value: {}", known.told()));
                };
                let place = find(&variant.fields, field).ok_or_else(|| known.refuse(&passed, field))?;
                part.enter(Step::Variant(variant.name, place), &variant.fields.list[place]);
                passed += &field.written();
            }
        }
        Ok(part)
    }
}

/// The first step of a way, and the rest of it.
fn read_step(text: &str) -> Option<(Named, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (end > 0).then(|| (Named::Name(rest[..end].to_owned()), &rest[end..]));
    }
    let rest = text.strip_prefix('[')?;
    if rest.starts_with('"') {
        let mut keys = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let key = keys.next()?.ok()?;
        let rest = rest[keys.byte_offset()..].strip_prefix(']')?;
        return Some((Named::Name(key), rest));
    }
    let (place, rest) = rest.split_once(']')?;
    let is_place = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
    Some((Named::Place(is_place.then(|| place.parse().ok())??), rest))
}

/// The field of that name, or at that place if fields have no names.
fn find(fields: &Fields<'_>, named: &Named) -> Option<usize> {
    match (fields.style, named) {
        (Style::Named, Named::Name(name)) => fields.list.iter().position(|field| field.name == name),
        (Style::Places, named) => named.place().filter(|&place| place < fields.list.len()),
        _ => None,
    }
}

/// A part of the values of a type.
#[derive(Debug)]
pub(crate) struct Part<'t> {
    steps: Vec<Step<'t>>,
    ty: &'t Type<'t>,
    is_secret: bool,
}

/// A step to a part, in the memory of a value.
#[derive(Debug)]
enum Step<'t> {
    Field(usize),
    /// The field of a variant.
    Variant(&'t str, usize),
    Some,
    Ok,
    Err,
    Inside,
    Element(usize),
    /// The value of a map's entry.
    Key(String),
}

impl<'t> Part<'t> {
    /// Its type.
    pub(crate) fn ty(&self) -> &'t Type<'t> {
        self.ty
    }

    /// Whether it is in a secret, or has one in it.
    pub(crate) fn is_secret(&self) -> bool {
        self.is_secret || self.ty.has_secrets()
    }

    /// The part of a value of the type. `None` if it is absent, or if more than `left` steps lead there, from which
    /// those that were made are taken.
    pub(crate) fn of<'v>(&self, value: At<'v>, left: &mut usize) -> Option<At<'v>> {
        let mut at = value;
        for step in &self.steps {
            spend(left, 1)?;
            at = match (step, at.view()) {
                (Step::Field(place), View::Struct(_, fields)) => fields.get(*place)?,
                (&Step::Variant(name, place), View::Variant(variant, fields)) if variant.name == name => {
                    fields.get(place)?
                }
                (Step::Some, View::Some(inner))
                | (Step::Ok, View::Ok(inner))
                | (Step::Err, View::Err(inner))
                | (Step::Inside, View::Inside(inner)) => inner,
                (Step::Element(place), _) => at.elements()?.get(*place)?,
                (Step::Key(key), View::Struct(Meaning::Map, entries)) => value_of(key, entries.first()?, left)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// Goes through what is not there as JSON: a box, an `Option` and the like.
    fn go_inside(&mut self) {
        loop {
            match &self.ty.form {
                Form::Option { value, .. } if !value.is_nullable => self.go(Step::Some, value),
                Form::Box(inner) | Form::Counted(Content::One(inner)) | Form::Arc(Content::One(inner)) => {
                    self.go(Step::Inside, inner);
                }
                Form::Struct(meaning, fields) => match (meaning, fields.style, &fields.list[..]) {
                    (Meaning::Inside, _, [field]) | (Meaning::Own, Style::Newtype, [field]) => {
                        self.enter(Step::Field(0), field);
                    }
                    _ => return,
                },
                _ => return,
            }
        }
    }

    /// Makes a step. Returns a variant that has several values, or one by name, and so is no value itself.
    ///
    /// # Errors
    /// The parts that there are instead.
    fn step(&mut self, named: &Named) -> Result<Option<&'t Variant<'t>>, Known> {
        let ty = self.ty;
        let lead = |name: &str| matches!(named, Named::Name(named) if named == name);
        match &ty.form {
            Form::Option { value, .. } if lead("Some") => self.go(Step::Some, value),
            Form::Result { ok, .. } if lead("Ok") => self.go(Step::Ok, ok),
            Form::Result { err, .. } if lead("Err") => self.go(Step::Err, err),
            Form::List(_, element) | Form::Counted(Content::List(element)) | Form::Arc(Content::List(element)) => {
                let Named::Place(place) = named else { return Err(Known::of(ty)) };
                self.go(Step::Element(*place), element);
            }
            Form::Array(element, len) => {
                let place = named.place().filter(|place| place < len).ok_or_else(|| Known::of(ty))?;
                self.go(Step::Element(place), element);
            }
            Form::Struct(Meaning::Own, fields) => {
                let place = find(fields, named).ok_or_else(|| Known::of(ty))?;
                self.enter(Step::Field(place), &fields.list[place]);
            }
            Form::Struct(Meaning::Map, fields) => {
                let entry = value_type(fields).ok_or_else(|| Known::of(ty))?;
                let Named::Name(key) = named else { return Err(Known::of(ty)) };
                self.enter(Step::Key(key.clone()), entry);
            }
            Form::Enum(variants, _) => {
                let of_name = variants.iter().find(|variant| lead(variant.name));
                let variant = of_name.filter(|variant| variant.fields.style != Style::Empty);
                let variant = variant.ok_or_else(|| Known::of(ty))?;
                match (variant.fields.style, &variant.fields.list[..]) {
                    (Style::Newtype, [field]) => self.enter(Step::Variant(variant.name, 0), field),
                    _ => return Ok(Some(variant)),
                }
            }
            _ => return Err(Known::of(ty)),
        }
        Ok(None)
    }

    fn go(&mut self, step: Step<'t>, ty: &'t Type<'t>) {
        self.steps.push(step);
        self.ty = ty;
    }

    fn enter(&mut self, step: Step<'t>, field: &'t Field<'t>) {
        self.is_secret |= field.is_secret;
        self.go(step, &field.ty);
    }
}

fn spend(left: &mut usize, steps: usize) -> Option<()> {
    *left = left.checked_sub(steps)?;
    Some(())
}

/// The field with the value of an entry, if keys are texts.
fn value_type<'t>(map: &'t Fields<'t>) -> Option<&'t Field<'t>> {
    let [entries] = &map.list[..] else { return None };
    let Form::List(_, entry) = &entries.ty.form else { return None };
    match &entry.form {
        Form::Struct(_, pair) if matches!(pair.list[0].ty.form, Form::Text(_)) => pair.list.get(1),
        _ => None,
    }
}

/// The value of the entry with that key.
fn value_of<'v>(key: &str, entries: At<'v>, left: &mut usize) -> Option<At<'v>> {
    entries.elements()?.iter().find_map(|entry| {
        if spend(left, 1).is_none() {
            return Some(None);
        }
        let View::Struct(_, pair) = entry.view() else { return None };
        let found = pair.first().filter(|found| found.text_len() == Some(key.len()))?;
        if spend(left, key.len() / 16).is_none() {
            return Some(None);
        }
        matches!(found.view(), View::Text(text) if text == key).then(|| pair.get(1))
    })?
}

/// The parts that there are, for an error.
enum Known {
    These(Vec<String>),
    /// Why there are none.
    None(String),
}

impl Known {
    fn of(ty: &Type<'_>) -> Known {
        let these = |names: &[&str]| Known::These(names.iter().map(|name| format!(".{name}")).collect());
        let none = |why: &str| Known::None(why.to_owned());
        match &ty.form {
            Form::Option { .. } => these(&["Some"]),
            Form::Result { .. } => these(&["Ok", "Err"]),
            Form::List(..) | Form::Counted(Content::List(_)) | Form::Arc(Content::List(_)) => {
                Known::These(vec!["[0]".to_owned(), "[1]".to_owned(), "..".to_owned()])
            }
            Form::Array(_, len) => Known::These((0..*len).take(NAMED + 1).map(|place| format!("[{place}]")).collect()),
            Form::Struct(Meaning::Own, fields) => Known::of_fields(fields),
            Form::Struct(Meaning::Map, fields) if value_type(fields).is_some() => {
                Known::These(vec![".key".to_owned(), "[\"any key\"]".to_owned()])
            }
            Form::Struct(Meaning::Map, _) => none("its keys are no texts, so it is compared as a whole"),
            Form::Struct(Meaning::Set, _) => none("a set has no order, so it is compared as a whole"),
            Form::Enum(variants, _) => {
                let loaded = variants.iter().filter(|variant| variant.fields.style != Style::Empty);
                let names: Vec<&str> = loaded.map(|variant| variant.name).collect();
                if names.is_empty() { none("no variant has a value in it") } else { these(&names) }
            }
            Form::Serde => none("what is in a `Serde` value is not known by its type"),
            _ => Known::None(format!("it is a `{}`, and has no parts", ty.shape)),
        }
    }

    fn of_fields(fields: &Fields<'_>) -> Known {
        match fields.style {
            Style::Named => Known::These(fields.list.iter().map(|field| format!(".{}", field.name)).collect()),
            _ if fields.list.is_empty() => Known::None("it is empty".to_owned()),
            _ => Known::These((0..fields.list.len()).map(|place| format!("[{place}]")).collect()),
        }
    }

    /// The refusal of a step from what is named so far.
    fn refuse(&self, passed: &str, named: &Named) -> String {
        format!("`{passed}` has no part `{}`: {}", named.written(), self.told())
    }

    fn told(&self) -> String {
        match self {
            Known::None(why) => why.clone(),
            Known::These(parts) => {
                let more = parts.len() > NAMED;
                let named = parts.iter().take(NAMED).map(|part| format!("`{part}`"));
                let named: Vec<String> = named.chain(iter::repeat_n("..".to_owned(), usize::from(more))).collect();
                format!("it has {}", named.join(", "))
            }
        }
    }
}
