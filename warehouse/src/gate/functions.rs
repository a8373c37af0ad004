//! The functions of user sessions: an allow-list. Left out on purpose are functions that make large values from small
//! arguments (`repeat`, `lpad`, `rpad`, `generate_series`, `array_repeat`, `levenshtein`), that tell about files or the
//! engine (`input_file_name`, `version`, `arrow_typeof`), and that differ at each call (`random`, `uuid`).

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

/// Names, by subject: conditions, text, patterns (see [`MAX_PATTERN`]), dates and times, numbers, lists as aggregates make them.
const SCALARS: &str = "\
    coalesce nullif nvl nvl2 greatest least \
    ascii bit_length btrim character_length chr concat concat_ws contains ends_with find_in_set initcap left lower ltrim octet_length overlay \
    replace reverse right rtrim split_part starts_with strpos substr substr_index to_hex translate upper \
    regexp_count regexp_instr regexp_like regexp_match regexp_replace \
    current_date current_time date_bin date_part date_trunc from_unixtime make_date make_time now to_char to_date to_local_time to_time \
    to_timestamp to_timestamp_micros to_timestamp_millis to_timestamp_nanos to_timestamp_seconds to_unixtime \
    abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh cot degrees exp factorial floor gcd isnan iszero lcm ln log log10 log2 \
    nanvl pi power radians round signum sin sinh sqrt tan tanh trunc \
    array_distinct array_element array_has array_has_all array_has_any array_length array_max array_min array_position array_slice array_sort \
    array_to_string cardinality get_field make_array string_to_array";

const AGGREGATES: &str = "\
    any_value approx_distinct approx_median approx_percentile_cont array_agg avg bool_and bool_or corr count covar_pop covar_samp first_value \
    grouping last_value max median min nth_value percentile_cont regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx \
    regr_sxy regr_syy stddev stddev_pop string_agg sum var var_pop";

const WINDOWS: &str = "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number";

fn lists(names: &str, name: &str) -> bool {
    names.split_ascii_whitespace().any(|listed| listed == name)
}

/// Longest regular expression, in characters: a program compiled from it is bounded by it.
pub const MAX_PATTERN: usize = 256;

pub fn scalars() -> Vec<Arc<ScalarUDF>> {
    SessionStateDefaults::default_scalar_functions().into_iter().filter(|f| lists(SCALARS, f.name())).collect()
}

pub fn aggregates() -> Vec<Arc<AggregateUDF>> {
    SessionStateDefaults::default_aggregate_functions().into_iter().filter(|f| lists(AGGREGATES, f.name())).collect()
}

pub fn windows() -> Vec<Arc<WindowUDF>> {
    SessionStateDefaults::default_window_functions().into_iter().filter(|f| lists(WINDOWS, f.name())).collect()
}

/// A scalar function that a query may hold. Asked again for each function of a plan: expression planners bring their own.
pub fn is_allowed_scalar(name: &str) -> bool {
    lists(SCALARS, name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_listed_function_exists() {
        let missing =
            |wanted: &str, there: BTreeSet<String>| wanted.split_ascii_whitespace().filter(|w| !there.contains(*w)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(missing(SCALARS, scalars().iter().map(|f| f.name().to_owned()).collect()), Vec::<String>::new());
        assert_eq!(missing(AGGREGATES, aggregates().iter().map(|f| f.name().to_owned()).collect()), Vec::<String>::new());
        assert_eq!(missing(WINDOWS, windows().iter().map(|f| f.name().to_owned()).collect()), Vec::<String>::new());
    }

    #[test]
    fn dangerous_names_are_not_there_under_any_alias() {
        let names: BTreeSet<String> = scalars().iter().flat_map(|f| f.aliases().iter().cloned().chain([f.name().to_owned()])).collect();
        for name in [
            "generate_series",
            "range",
            "repeat",
            "lpad",
            "rpad",
            "levenshtein",
            "array_repeat",
            "array_resize",
            "arrow_cast",
            "arrow_typeof",
            "version",
            "input_file_name",
            "random",
            "uuid",
        ] {
            assert!(!names.contains(name), "{name}");
        }
    }
}
