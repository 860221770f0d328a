//! JSON read leniently: fields that a type does not know are set aside instead of refused.
//!
//! The types themselves refuse unknown fields, so that a misspelt setting is found. A bundle may come from a newer program
//! whose fields are optional: this reader hides them from the types, and they are written again with the bundle.

use std::cell::RefCell;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, Unexpected, VariantAccess,
    Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Error, Value};

/// A field that was set aside: the names on the way to it, and its value.
pub(super) type Aside = (Vec<String>, Value);

/// A value without the fields that its type does not know, and those fields.
pub(super) fn read<'de, T: Deserialize<'de>>(value: Value) -> Result<(T, Vec<Aside>), Error> {
    let aside = RefCell::new(Vec::new());
    let read = T::deserialize(Lenient { value, path: Vec::new(), aside: &aside })?;
    Ok((read, aside.into_inner()))
}

/// Puts fields that were set aside back where they were, unless something else is there now.
pub(super) fn restore(tree: &mut Value, aside: &[Aside]) {
    for (path, value) in aside {
        let Some((name, above)) = path.split_last() else { continue };
        let place = above.iter().try_fold(&mut *tree, |place, name| place.get_mut(name));
        if let Some(Value::Object(place)) = place {
            place.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// A value on its way into a type.
struct Lenient<'a> {
    value: Value,
    path: Vec<String>,
    aside: &'a RefCell<Vec<Aside>>,
}

impl Lenient<'_> {
    fn inside(&self, name: String, value: Value) -> Self {
        Self { value, path: [self.path.clone(), vec![name]].concat(), aside: self.aside }
    }

    /// The fields of an object that a type knows; the others are set aside.
    fn fields(&mut self, known: &[&str]) -> Vec<(String, Self)> {
        let Value::Object(fields) = self.value.take() else { return Vec::new() };
        let (known, unknown): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(name, _)| known.contains(&name.as_str()));
        let aside =
            unknown.into_iter().map(|(name, value)| ([self.path.clone(), vec![name]].concat(), value));
        self.aside.borrow_mut().extend(aside);
        known.into_iter().map(|(name, value)| (name.clone(), self.inside(name, value))).collect()
    }

    /// The value in the words of an error.
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(value) => Unexpected::Str(value),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl IntoDeserializer<'_, Error> for Lenient<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Lenient<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Value::Array(items) => {
                let items = items.into_iter().enumerate().map(|(i, item)| self.inside(i.to_string(), item));
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name.clone(), self.inside(name, value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            // By hand: a reader of whole values for every type would double what they weigh in the page's program.
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(value) => value.deserialize_any(visitor),
            Value::String(value) => visitor.visit_string(value),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !self.value.is_object() {
            return Err(Error::invalid_type(self.unexpected(), &visitor));
        }
        visitor.visit_map(MapDeserializer::new(self.fields(known).into_iter()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(ref mut fields) if fields.len() == 1 => {
                let (variant, value) = std::mem::take(fields).into_iter().next().unwrap_or_default();
                let inner = self.inside(variant.clone(), value);
                visitor.visit_enum(Variant { variant, inner })
            }
            Value::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            _ => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// A variant with contents.
struct Variant<'a> {
    variant: String,
    inner: Lenient<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Lenient<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Lenient<'a>), Error> {
        let name = seed.deserialize(Value::String(self.variant))?;
        Ok((name, self.inner))
    }
}

impl<'de> VariantAccess<'de> for Lenient<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.value.is_null() { Ok(()) } else { Err(Error::invalid_type(self.unexpected(), &"nothing")) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", known, visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Inner,
        list: Vec<Inner>,
        rate: Rate,
        none: Option<Inner>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        x: f32,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Rate {
        Constant,
        Step { every: usize },
    }

    #[test]
    fn unknown_fields_are_set_aside_and_put_back() {
        let text = json!({
            "new": [1, 2],
            "inner": {"x": 1.5, "y": {"deep": true}},
            "list": [{"x": 2.0}],
            "rate": {"step": {"every": 3, "jitter": 0.5}},
            "none": null,
        });
        let (read, aside) = read::<Outer>(text.clone()).unwrap();
        let known = Outer {
            inner: Inner { x: 1.5 },
            list: vec![Inner { x: 2.0 }],
            rate: Rate::Step { every: 3 },
            none: None,
        };
        assert_eq!(read, known);
        assert_eq!(aside.len(), 3, "{aside:?}");
        let mut again = serde_json::to_value(&known).unwrap();
        restore(&mut again, &aside);
        assert_eq!(again, text);
    }

    #[test]
    fn other_mistakes_stay_mistakes() {
        for text in [
            json!({"inner": {"x": "one"}, "list": [], "rate": "constant", "none": null}),
            json!({"inner": {}, "list": [], "rate": "constant", "none": null}),
            json!({"inner": {"x": 1.0}, "list": [], "rate": "sometimes", "none": null}),
            json!({"inner": {"x": 1.0}, "list": [], "rate": {"step": {}}, "none": null}),
            json!([1, 2]),
        ] {
            assert!(read::<Outer>(text.clone()).is_err(), "{text}");
        }
        let plain = json!({"inner": {"x": 1.0}, "list": [], "rate": "constant", "none": {"x": 2.0}});
        assert_eq!(read::<Outer>(plain).unwrap().0.none, Some(Inner { x: 2.0 }));
    }
}
