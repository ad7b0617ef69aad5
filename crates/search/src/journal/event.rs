//! One line of the journal, in the format of Optuna's `JournalStorage`.

use serde_json::{Map, Value};

use super::json::{null, number, numbers, object, real, reals, strict, text};
use super::time;
use crate::Distribution;

/// What happened. Studies and trials are known by their position in the journal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    CreateStudy {
        name: String,
        directions: Vec<i64>,
    },
    DeleteStudy {
        study: usize,
    },
    StudyUser {
        study: usize,
        key: String,
        value: Value,
    },
    StudySystem {
        study: usize,
        key: String,
        value: Value,
    },
    CreateTrial {
        study: usize,
        trial: Box<NewTrial>,
    },
    TrialParameter {
        trial: usize,
        name: String,
        value: f64,
        distribution: Distribution,
    },
    TrialState {
        trial: usize,
        state: State,
        values: Option<Vec<f64>>,
        time: Option<f64>,
    },
    TrialValue {
        trial: usize,
        step: i64,
        value: f64,
    },
    TrialUser {
        trial: usize,
        key: String,
        value: Value,
    },
    TrialSystem {
        trial: usize,
        key: String,
        value: Value,
    },
    /// Known, but without meaning here.
    Nothing,
}

/// What a trial begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NewTrial {
    pub(crate) state: State,
    pub(crate) start: Option<f64>,
    pub(crate) end: Option<f64>,
    pub(crate) values: Option<Vec<f64>>,
    pub(crate) parameters: Vec<(String, f64, Distribution)>,
    pub(crate) curve: Vec<(i64, f64)>,
    pub(crate) user: Map<String, Value>,
    pub(crate) system: Map<String, Value>,
}

/// Where a trial stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It runs, or its process died.
    #[default]
    Running,
    /// It ended with a score.
    Complete,
    /// It was stopped early.
    Pruned,
    /// It has no score: it panicked, returned an error or no finite number, or its process died.
    Failed,
    /// It has yet to run.
    Waiting,
}

const STATES: [State; 5] = [State::Running, State::Complete, State::Pruned, State::Failed, State::Waiting];

impl State {
    /// Whether nothing more will come of the trial.
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting)
    }

    fn code(self) -> usize {
        STATES.iter().position(|&state| state == self).expect("all states are listed")
    }
}

impl Event {
    /// The line, without its end.
    pub(super) fn render(&self, worker: &str) -> String {
        let entry = |key: &str, value: &Value| format!("{{{}:{value}}}", text(key));
        let (code, fields) = match self {
            Self::CreateStudy { name, directions } => {
                (0, vec![("study_name", text(name)), ("directions", Value::from(directions.clone()).to_string())])
            }
            Self::DeleteStudy { study } => (1, vec![("study_id", study.to_string())]),
            Self::StudyUser { study, key, value } => {
                (2, vec![("study_id", study.to_string()), ("user_attr", entry(key, value))])
            }
            Self::StudySystem { study, key, value } => {
                (3, vec![("study_id", study.to_string()), ("system_attr", entry(key, value))])
            }
            Self::CreateTrial { study, trial } => (4, trial.fields(*study)),
            Self::TrialParameter { trial, name, value, distribution } => {
                let distribution = text(&distribution.to_json().to_string());
                let mut fields = vec![("trial_id", trial.to_string()), ("param_name", text(name))];
                fields.extend([("param_value_internal", number(*value)), ("distribution", distribution)]);
                (5, fields)
            }
            Self::TrialState { trial, state, values, time } => {
                let mut fields = vec![("trial_id", trial.to_string()), ("state", state.code().to_string())];
                fields.push(("values", values.as_deref().map_or_else(null, numbers)));
                let key = if *state == State::Running { "datetime_start" } else { "datetime_complete" };
                fields.extend(time.map(|time| (key, text(&time::format(time)))));
                (6, fields)
            }
            Self::TrialValue { trial, step, value } => {
                let fields = [trial.to_string(), step.to_string(), number(*value)];
                (7, ["trial_id", "step", "intermediate_value"].into_iter().zip(fields).collect())
            }
            Self::TrialUser { trial, key, value } => {
                (8, vec![("trial_id", trial.to_string()), ("user_attr", entry(key, value))])
            }
            Self::TrialSystem { trial, key, value } => {
                (9, vec![("trial_id", trial.to_string()), ("system_attr", entry(key, value))])
            }
            Self::Nothing => (10, Vec::new()),
        };
        let head = [("op_code", code.to_string()), ("worker_id", text(worker))];
        object(head.into_iter().chain(fields))
    }

    /// The event of a line, and whose it is. The error says what is wrong with the line.
    pub(super) fn parse(line: &[u8]) -> Result<(String, Self), String> {
        let line = str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
        let json: Value = serde_json::from_str(&strict(line)).map_err(|error| format!("it is not JSON: {error}"))?;
        let worker = json["worker_id"].as_str().unwrap_or_default().to_owned();
        let code = json["op_code"].as_u64().ok_or("it has no `op_code`")?;
        let event = Self::of(code, &json).ok_or_else(|| format!("fields of operation {code} are missing or wrong"))?;
        Ok((worker, event))
    }

    fn of(code: u64, json: &Value) -> Option<Self> {
        let id = |key: &str| json[key].as_u64().map(|id| id as usize);
        let pair = |key: &str| {
            let (key, value) = json[key].as_object()?.iter().next()?;
            Some((key.clone(), value.clone()))
        };
        Some(match code {
            0 => {
                let directions = json["directions"].as_array()?.iter().map(Value::as_i64).collect::<Option<_>>()?;
                Self::CreateStudy { name: json["study_name"].as_str()?.to_owned(), directions }
            }
            1 => Self::DeleteStudy { study: id("study_id")? },
            2 | 3 => {
                let study = id("study_id")?;
                let (key, value) = pair(if code == 2 { "user_attr" } else { "system_attr" })?;
                if code == 2 { Self::StudyUser { study, key, value } } else { Self::StudySystem { study, key, value } }
            }
            4 => Self::CreateTrial { study: id("study_id")?, trial: Box::new(NewTrial::of(json)?) },
            5 => Self::TrialParameter {
                trial: id("trial_id")?,
                name: json["param_name"].as_str()?.to_owned(),
                value: real(&json["param_value_internal"])?,
                distribution: distribution(&json["distribution"])?,
            },
            6 => Self::TrialState {
                trial: id("trial_id")?,
                state: *STATES.get(id("state")?)?,
                values: reals(&json["values"])?,
                time: ["datetime_start", "datetime_complete"].iter().find_map(|key| time::parse(json[*key].as_str()?)),
            },
            7 => Self::TrialValue {
                trial: id("trial_id")?,
                step: json["step"].as_i64()?,
                value: real(&json["intermediate_value"])?,
            },
            8 | 9 => {
                let trial = id("trial_id")?;
                let (key, value) = pair(if code == 8 { "user_attr" } else { "system_attr" })?;
                if code == 8 { Self::TrialUser { trial, key, value } } else { Self::TrialSystem { trial, key, value } }
            }
            10 => Self::Nothing,
            _ => return None,
        })
    }
}

impl NewTrial {
    fn fields(&self, study: usize) -> Vec<(&'static str, String)> {
        let time = |time: Option<f64>| time.map_or_else(null, |time| text(&time::format(time)));
        let single = self.values.as_deref().filter(|values| values.len() == 1);
        let several = self.values.as_deref().filter(|values| values.len() > 1);
        let mut fields = vec![("study_id", study.to_string()), ("datetime_start", time(self.start))];
        fields.push(("state", self.state.code().to_string()));
        fields.push(("value", single.map_or_else(null, |values| number(values[0]))));
        fields.push(("values", several.map_or_else(null, numbers)));
        fields.extend(self.end.map(|_| ("datetime_complete", time(self.end))));
        let parameters = || self.parameters.iter();
        let ranges = parameters().map(|(name, _, range)| (name.as_str(), text(&range.to_json().to_string())));
        fields.push(("distributions", object(ranges)));
        fields.push(("params", object(parameters().map(|(name, value, _)| (name.as_str(), number(*value))))));
        fields.push(("user_attrs", Value::Object(self.user.clone()).to_string()));
        fields.push(("system_attrs", Value::Object(self.system.clone()).to_string()));
        let curve: Vec<(String, f64)> = self.curve.iter().map(|&(step, value)| (step.to_string(), value)).collect();
        fields.push(("intermediate_values", object(curve.iter().map(|(step, value)| (step.as_str(), number(*value))))));
        fields
    }

    fn of(json: &Value) -> Option<Self> {
        let time = |key: &str| json[key].as_str().and_then(time::parse);
        let map = |key: &str| json[key].as_object().cloned().unwrap_or_default();
        let parameters = map("params").into_iter().map(|(name, value)| {
            let range = distribution(&json["distributions"][&name])?;
            Some((name, real(&value)?, range))
        });
        let curve = map("intermediate_values").into_iter();
        let curve = curve.map(|(step, value)| Some((step.parse().ok()?, real(&value)?)));
        let single = if json["value"].is_null() { None } else { real(&json["value"]) };
        Some(Self {
            state: if json["state"].is_null() {
                State::Running
            } else {
                *STATES.get(json["state"].as_u64()? as usize)?
            },
            start: time("datetime_start"),
            end: time("datetime_complete"),
            values: single.map(|value| vec![value]).or(reals(&json["values"])?),
            parameters: parameters.collect::<Option<_>>()?,
            curve: curve.collect::<Option<_>>()?,
            user: map("user_attrs"),
            system: map("system_attrs"),
        })
    }
}

fn distribution(json: &Value) -> Option<Distribution> {
    Distribution::from_json(&serde_json::from_str(json.as_str()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Lines that Optuna 5.0 wrote.
    #[test]
    fn lines_of_optuna_are_understood() {
        let line = r#"{"op_code":5,"worker_id":"w-1","trial_id":3,"param_name":"lr","param_value_internal":0.01,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 1.0, \"log\": true}}"}"#;
        let distribution = Distribution::Float { low: 1e-4, high: 1.0, log: true, step: None };
        let event = Event::TrialParameter { trial: 3, name: "lr".into(), value: 0.01, distribution };
        assert_eq!(Event::parse(line.as_bytes()), Ok(("w-1".into(), event)));

        let line = r#"{"op_code":7,"worker_id":"w","trial_id":0,"step":2,"intermediate_value":NaN}"#;
        let Ok((_, Event::TrialValue { value, step: 2, .. })) = Event::parse(line.as_bytes()) else { panic!("{line}") };
        assert!(value.is_nan());

        let line = r#"{"op_code":6,"worker_id":"w","trial_id":0,"state":1,"values":[-Infinity],"datetime_complete":"1970-01-01T00:00:01.000000+00:00"}"#;
        let values = Some(vec![f64::NEG_INFINITY]);
        let event = Event::TrialState { trial: 0, state: State::Complete, values, time: Some(1.0) };
        assert_eq!(Event::parse(line.as_bytes()), Ok(("w".into(), event)));

        let line = r#"{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":"1970-01-01T00:00:02.000000+00:00"}"#;
        let trial = Box::new(NewTrial { start: Some(2.0), ..NewTrial::default() });
        assert_eq!(Event::parse(line.as_bytes()), Ok(("w".into(), Event::CreateTrial { study: 0, trial })));
    }

    #[test]
    fn lines_that_are_none_say_why() {
        let why = |line: &str| Event::parse(line.as_bytes()).expect_err("no event");
        assert!(why("{\"op_code\":7,").starts_with("it is not JSON"));
        assert_eq!(why("{}"), "it has no `op_code`");
        assert_eq!(why(r#"{"op_code":99}"#), "fields of operation 99 are missing or wrong");
        assert_eq!(why(r#"{"op_code":7,"trial_id":-1}"#), "fields of operation 7 are missing or wrong");
        assert_eq!(Event::parse(b"\xff\xfe"), Err("it is not text".to_owned()));
    }

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>().prop_filter("comparable", |v| !v.is_nan()), Just(f64::INFINITY), Just(0.1)]
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let name = "[ -~é\\\\\"]{0,12}|NaN|a\"NaN";
        let range = Distribution::Choice { choices: vec![json!("NaN"), json!(1), json!(true), json!(null)] };
        let time = (0u32..2_000_000_000).prop_map(|s| Some(f64::from(s)));
        prop_oneof![
            (name, 0i64..3).prop_map(|(name, d)| Event::CreateStudy { name, directions: vec![d] }),
            (name, name).prop_map(|(key, v)| Event::StudyUser { study: 1, key, value: json!([v, -0.5]) }),
            (any_number(), any::<i64>()).prop_map(|(value, step)| Event::TrialValue { trial: 7, step, value }),
            (any_number(), 0usize..5, time.clone()).prop_map(|(v, s, time)| Event::TrialState {
                trial: 7,
                state: STATES[s],
                values: Some(vec![v]),
                time
            }),
            (name, any_number(), time).prop_map(move |(key, value, start)| {
                let trial = NewTrial {
                    start,
                    parameters: vec![(key.clone(), 2.0, range.clone())],
                    curve: vec![(1, value)],
                    values: Some(vec![value]),
                    user: [(key, json!({"nested": [1, "Infinity"]}))].into_iter().collect(),
                    ..NewTrial::default()
                };
                Event::CreateTrial { study: 0, trial: Box::new(trial) }
            }),
        ]
    }

    proptest! {
        #[test]
        fn every_event_comes_back(event in any_event(), worker in "[ -~]{0,8}") {
            let line = event.render(&worker);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(Event::parse(line.as_bytes()), Ok((worker, event)));
        }

        #[test]
        fn no_line_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), line in "[NaIinfty\"\\\\{}:,é-]{0,30}") {
            let _ = Event::parse(&bytes);
            let _ = Event::parse(line.as_bytes());
        }
    }
}
