//! What to do about a mistake in the protobuf language, by what the compiler says of it.

/// A part of a message, and what to do then. The first that fits counts.
const ADVICE: &[(&str, &str)] = &[
    ("message numbers must be between", "give it a number from 1 to 536870911 that is not in 19000 to 19999"),
    (
        "invalid field number",
        "give it a number from 1 to 536870911 that is not in 19000 to 19999, which are protobuf's own",
    ),
    ("conflicts with reserved range", "choose another number: this one is reserved, as older peers may know it"),
    ("conflicts with extension range", "choose a number outside of `extensions`"),
    ("enum numbers must be between", "choose a number that an int32 can hold"),
    (
        "the first value for proto3 enums must be 0",
        "begin it with a value that stands for nothing being set: `STATE_UNSPECIFIED = 0;` in an enum State",
    ),
    ("enums must have at least one value", "begin it with a value: `STATE_UNSPECIFIED = 0;` in an enum State"),
    ("camel-case name of field", "rename one of the two: both have the same name in JSON"),
    ("a field with JSON name", "rename one of the two: both have the same name in JSON"),
    ("default values are not allowed in proto3", "remove it: a field that is not set is zero or empty"),
    ("may not have default values", "remove the default"),
    (
        "required fields are not allowed in proto3",
        "leave `required` out, and ask for the field with `[(buf.validate.field).required = true]`",
    ),
    ("extension fields may not be required", "write `optional`"),
    ("groups are not allowed", "declare a message, and a field of its type"),
    ("fields must have a label with proto2", "write `optional` before it, or `syntax = \"proto3\";` above"),
    ("fields cannot have labels", "leave the word before the type out"),
    ("fields are not allowed in a oneof", "put it into a message, and a field of that type into the oneof"),
    ("fields are not allowed in extensions", "put it into a message, and extend with a field of that type"),
    ("a map field key type", "write a key of type string or bool, or an integer"),
    ("a oneof must have at least one field", "give it a field, or remove it"),
    ("unterminated string", "close it with the quotation mark that it begins with"),
    ("invalid string character", "write what is no printable text as an escape: \\n"),
    ("invalid string escape", "double a backslash that stands for itself"),
    ("string is not valid utf-8", "write text, or make the field bytes"),
    ("nested block comments", "close the first comment before the next one, or use //"),
    ("'#' comments", "begin comments with //"),
    ("\"#\" comments", "begin comments with //"),
    ("integer is too large", "write a smaller number"),
    ("is out of range", "write a number that the type can hold"),
    ("whitespace is required between", "put a space between the number and the name"),
    ("multiple package names", "keep one of them"),
    ("import cycle detected", "move what both need into a file of its own, and import that"),
    ("has already been set", "keep one of the two"),
    ("expected a value of type", "write a value of that type"),
    ("expected value to be", "write such a value"),
    ("invalid value of type", "write a value of that type"),
    ("invalid default value", "write a value of the field's type"),
    ("reached maximum recursion limit", "declare the inner messages at the top of the file"),
];

/// What to do, where it is known.
pub(super) fn advice(message: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(part, _)| message.contains(part)).map(|(_, advice)| *advice)
}
