//! What serde_json is to find at a place: one visitor for each form of JSON.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    super::{
        draft::Draft,
        leaf::{self, escape},
    },
    Fields, Style, Type, Want, WantFields, Way,
};
use crate::host::reflect::types::Variant;

/// Bytes: a string, `{"hex": ..}` or an array of numbers.
pub(super) struct Bytes<'c> {
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Bytes<'_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes: a string, {\"hex\": \"..\"} or an array of numbers")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Draft, E> {
        Ok(Draft::Bytes(text.as_bytes().into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let key: Option<String> = map.next_key()?;
        if key.as_deref() != Some("hex") {
            return Err(A::Error::custom("expected the one key `hex` of bytes"));
        }
        let digits: String = map.next_value()?;
        let bytes = leaf::hex(&digits);
        let bytes = bytes.ok_or_else(|| {
            A::Error::custom(format_args!("expected pairs of hexadecimal digits, found {}", leaf::cut(&digits)))
        })?;
        match map.next_key::<String>()? {
            None => Ok(Draft::Bytes(bytes)),
            Some(key) => Err(A::Error::custom(format_args!("unknown key {} of bytes", leaf::cut(&key)))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Draft, A::Error> {
        let mut bytes = Vec::new();
        loop {
            let step = format!("[{}]", bytes.len());
            match self.way.step(&step, |_| seq.next_element::<u8>())? {
                Some(byte) => bytes.push(byte),
                None => return Ok(Draft::Bytes(bytes.into())),
            }
        }
    }
}

/// Elements of one type.
pub(super) struct Elements<'c, 't> {
    pub(super) element: &'t Type<'t>,
    /// How many there must be; any number if `None`.
    pub(super) len: Option<usize>,
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len {
            Some(len) => write!(f, "an array of {len} `{}`", self.element.shape),
            None => write!(f, "an array of `{}`", self.element.shape),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Draft, A::Error> {
        let Elements { element: ty, len, way } = self;
        let mut elements = Vec::new();
        loop {
            let step = format!("[{}]", elements.len());
            let Some(element) = way.step(&step, |way| seq.next_element_seed(Want { ty, way }))? else { break };
            match len {
                None => way.make_room(ty).map_err(A::Error::custom)?,
                Some(len) if len == elements.len() => {
                    return Err(A::Error::custom(format_args!("expected an array of {len}, found more")));
                }
                Some(_) => {}
            }
            elements.push(element);
        }
        match len.filter(|len| *len != elements.len()) {
            None => Ok(Draft::Parts(elements.into())),
            Some(len) => Err(A::Error::custom(format_args!("expected an array of {len}, found {}", elements.len()))),
        }
    }
}

/// So many values, each of its own type.
pub(super) struct Places<'c, 't> {
    pub(super) parts: Vec<&'t Type<'t>>,
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Places<'_, '_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", self.parts.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Draft, A::Error> {
        let mut found = Vec::new();
        for ty in self.parts.iter() {
            let step = format!("[{}]", found.len());
            match self.way.step(&step, |way| seq.next_element_seed(Want { ty, way }))? {
                Some(part) => found.push(part),
                None => {
                    let (wanted, found) = (self.parts.len(), found.len());
                    return Err(A::Error::custom(format_args!("expected an array of {wanted}, found {found}")));
                }
            }
        }
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(Draft::Parts(found.into())),
            Some(_) => Err(A::Error::custom(format_args!("expected an array of {}, found more", self.parts.len()))),
        }
    }
}

/// `null` or a value.
pub(super) struct Optional<'c, 't> {
    pub(super) value: &'t Type<'t>,
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Optional<'_, '_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "null or `{}`", self.value.shape)
    }

    fn visit_none<E: Error>(self) -> Result<Draft, E> {
        Ok(Draft::None)
    }

    fn visit_unit<E: Error>(self) -> Result<Draft, E> {
        Ok(Draft::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Draft, D::Error> {
        let Optional { value, way } = self;
        let inner = if value.is_nullable {
            json.deserialize_map(Tagged { cases: &[("Some", value)], way })?.1
        } else {
            Want { ty: value, way }.deserialize(json)?
        };
        Ok(Draft::Inside(Box::new(inner)))
    }
}

/// An object of one entry, whose key says of which type the value is.
pub(super) struct Tagged<'c, 't> {
    pub(super) cases: &'c [(&'static str, &'t Type<'t>)],
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Tagged<'_, '_> {
    /// The place of the case, and the value.
    type Value = (u32, Draft);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases: Vec<_> = self.cases.iter().map(|(name, _)| format!("{{\"{name}\": ..}}")).collect();
        f.write_str(&cases.join(" or "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(u32, Draft), A::Error> {
        let key: Option<String> = map.next_key()?;
        let case = self.cases.iter().position(|(name, _)| key.as_deref() == Some(name));
        let Some(case) = case else {
            let found = key.map_or("nothing".to_owned(), |key| leaf::cut(&key));
            let wanted: Vec<_> = self.cases.iter().map(|(name, _)| format!("`{name}`")).collect();
            return Err(A::Error::custom(format_args!("expected the key {}, found {found}", wanted.join(" or "))));
        };
        let (name, ty) = self.cases[case];
        let value = self.way.step(&format!(".{name}"), |way| map.next_value_seed(Want { ty, way }))?;
        end(&mut map)?;
        Ok((case as u32, value))
    }
}

/// Refuses a second entry of an object that must have one.
fn end<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        None => Ok(()),
        Some(key) => Err(A::Error::custom(format_args!("expected one key, found {} too", leaf::cut(&key)))),
    }
}

/// An enum.
pub(super) struct OneOf<'c, 't> {
    pub(super) ty: &'t Type<'t>,
    pub(super) variants: &'t [Variant<'t>],
    pub(super) way: &'c mut Way,
}

impl<'t> OneOf<'_, 't> {
    fn find<E: Error>(&self, name: &str, has_content: bool) -> Result<(u32, &'t Variant<'t>), E> {
        let place = self.variants.iter().position(|variant| variant.name == name);
        let enumeration = &self.ty.shape.name;
        let Some(place) = place else {
            let mut names: Vec<_> = self.variants.iter().take(20).map(|variant| variant.name).collect();
            if self.variants.len() > names.len() {
                names.push("..");
            }
            let (name, names) = (leaf::cut(name), names.join(", "));
            return Err(E::custom(format_args!("`{enumeration}` has no variant {name}; it has {names}")));
        };
        let variant = &self.variants[place];
        match (variant.fields.style == Style::Empty, has_content) {
            (true, true) => Err(E::custom(format_args!("`{enumeration}::{name}` has no fields: write \"{name}\""))),
            (false, false) => {
                Err(E::custom(format_args!("`{enumeration}::{name}` has fields: write {{\"{name}\": ..}}")))
            }
            _ => Ok((place as u32, variant)),
        }
    }
}

impl<'de> Visitor<'de> for OneOf<'_, '_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a variant of `{}`", self.ty.shape.name)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Draft, E> {
        let (tag, _) = self.find(name, false)?;
        Ok(Draft::Variant(tag, Box::new(Draft::Unit)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(A::Error::custom(format_args!("expected a variant of `{}`, found {{}}", self.ty.shape.name)));
        };
        let (tag, Variant { name, fields }) = self.find(&name, true)?;
        let fields = |way: &mut Way| map.next_value_seed(WantFields { name, fields, way });
        let fields = self.way.step(&format!(".{name}"), fields)?;
        end(&mut map)?;
        Ok(Draft::Variant(tag, Box::new(fields)))
    }
}

/// Fields with names.
pub(super) struct Named<'c, 't> {
    pub(super) name: &'t str,
    pub(super) fields: &'t Fields<'t>,
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Named<'_, '_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.list.iter().map(|field| format!("`{}`", field.name)).collect();
        write!(f, "`{}`, an object with {}", self.name, names.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let list = &self.fields.list;
        let mut found: Vec<Option<Draft>> = list.iter().map(|_| None).collect();
        while let Some(key) = map.next_key::<String>()? {
            let Some(place) = list.iter().position(|field| field.name == key) else {
                let (key, name) = (leaf::cut(&key), self.name);
                return Err(A::Error::custom(format_args!("unknown field {key} of `{name}`")));
            };
            if found[place].is_some() {
                return Err(A::Error::custom(format_args!("field `{key}` is there twice")));
            }
            let ty = &list[place].ty;
            let value = self.way.step(&format!(".{key}"), |way| map.next_value_seed(Want { ty, way }))?;
            found[place] = Some(value);
        }
        let missing = found.iter().position(Option::is_none).map(|place| &list[place]);
        if let Some(field) = missing {
            let (field, ty, name) = (field.name, field.ty.shape, self.name);
            return Err(A::Error::custom(format_args!("field `{field}: {ty}` of `{name}` is missing")));
        }
        Ok(Draft::Parts(found.into_iter().flatten().collect()))
    }
}

/// A map whose keys are texts.
pub(super) struct Entries<'c, 't> {
    pub(super) entry: &'t Type<'t>,
    pub(super) value: &'t Type<'t>,
    pub(super) way: &'c mut Way,
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object whose values are `{}`", self.value.shape)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let (mut entries, mut keys) = (Vec::new(), HashSet::new());
        while let Some(key) = map.next_key::<String>()? {
            let step = format!("[{}]", escape(leaf::cut(&key).trim_matches('`')));
            self.way.make_room(self.entry).map_err(A::Error::custom)?;
            let value = |way: &mut Way| map.next_value_seed(Want { ty: self.value, way });
            let value = self.way.step(&step, value)?;
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("key {} is there twice", leaf::cut(&key))));
            }
            let pair = [Draft::Bytes(key.into_bytes().into()), value];
            entries.push(Draft::Parts(pair.into()));
        }
        Ok(Draft::Parts(entries.into()))
    }
}
