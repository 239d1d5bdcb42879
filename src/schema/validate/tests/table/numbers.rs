//! Rules of numbers and booleans.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    ("int32 v = 1 [(buf.validate.field).int32.const = 7];", &["7"], &[("8", "v: must be 7 [int32.const]")]),
    (
        "int32 v = 1 [(buf.validate.field).int32 = { gt: 1 lt: 5 }];",
        &["2", "4"],
        &[
            ("1", "v: must be greater than 1 and less than 5 [int32.gt_lt]"),
            ("5", "v: must be greater than 1 and less than 5 [int32.gt_lt]"),
        ],
    ),
    (
        "int64 v = 1 [(buf.validate.field).int64 = { gte: 5 lte: 1 }];",
        &["0", "1", "5"],
        &[("3", "v: must be at least 5 or at most 1 [int64.gte_lte_exclusive]")],
    ),
    ("sint32 v = 1 [(buf.validate.field).sint32.gte = -3];", &["-3"], &[("-4", "v: must be at least -3 [sint32.gte]")]),
    ("sint64 v = 1 [(buf.validate.field).sint64.lt = -3];", &["-4"], &[("0", "v: must be less than -3 [sint64.lt]")]),
    ("uint32 v = 1 [(buf.validate.field).uint32.lte = 9];", &["9"], &[("10", "v: must be at most 9 [uint32.lte]")]),
    (
        "uint64 v = 1 [(buf.validate.field).uint64.gt = 9223372036854775807];",
        &["\"9223372036854775808\""],
        &[("1", "v: must be greater than 9223372036854775807 [uint64.gt]")],
    ),
    (
        "fixed32 v = 1 [(buf.validate.field).fixed32 = { in: [1, 2] }];",
        &["1", "2"],
        &[("0", "v: must be one of 1, 2 [fixed32.in]")],
    ),
    (
        "fixed64 v = 1 [(buf.validate.field).fixed64 = { not_in: [1, 2] }];",
        &["3"],
        &[("2", "v: must not be one of 1, 2 [fixed64.not_in]")],
    ),
    (
        "sfixed32 v = 1 [(buf.validate.field).sfixed32.gt = 0];",
        &["1"],
        &[("-1", "v: must be greater than 0 [sfixed32.gt]")],
    ),
    (
        "sfixed64 v = 1 [(buf.validate.field).sfixed64.lte = 0];",
        &["-1"],
        &[("1", "v: must be at most 0 [sfixed64.lte]")],
    ),
    (
        "float v = 1 [(buf.validate.field).float = { gte: 0.1 lt: 1 }];",
        &["0.1", "0.5"],
        &[
            ("1", "v: must be at least 0.1 and less than 1 [float.gte_lt]"),
            ("\"NaN\"", "v: must be at least 0.1 and less than 1 [float.gte_lt]"),
        ],
    ),
    (
        "double v = 1 [(buf.validate.field).double.finite = true];",
        &["1e300"],
        &[("\"Infinity\"", "v: must be finite [double.finite]")],
    ),
    ("bool v = 1 [(buf.validate.field).bool.const = true];", &["true"], &[("false", "v: must be true [bool.const]")]),
];
