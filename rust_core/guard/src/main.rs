//! `holdfast-guard`: the command line. Exit codes: 0 done, 1 failed, 2 usage or set-up, 3 refused.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use holdfast_guard::config::{credentials, load, Config};
use holdfast_guard::control::{ask, Asked, Control, Level, HEARD};
use holdfast_guard::crew::Plan;
use holdfast_guard::guard::Guard;
use holdfast_guard::notify::Notify;
use holdfast_guard::polymarket::Polymarket;
use holdfast_guard::reports::Reports;
use holdfast_guard::venue::POLYMARKET;
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};

const USAGE: &str = "\
usage: holdfast-guard COMMAND [--config guard.toml | --data-dir DIR] [options]

  run PLAN                   start and watch the processes of a run; `holdfast run` asks for it
  watch                      watch a trader that somebody else started, until SIGTERM
  kill LEVEL --reason TEXT   PAUSE, FLATTEN or EMERGENCY, with or without a guard that runs
  release --reason TEXT      let a trader start again
  status                     what the guard sees
  check                      read the configuration and the keys, start nothing
  keys                       print keys that open less than those in the configuration, where the venue has such

  --data-dir DIR instead of a configuration: ask the guard that runs there
  --by NAME      who asks; the user's name by default
  --timeout S    longest wait for a kill, 60 by default
  --version";

const FAILED: u8 = 1;
const USAGE_CODE: u8 = 2;
const REFUSED: u8 = 3;

struct Arguments {
    command: String,
    level: Option<String>,
    config: PathBuf,
    data_dir: Option<PathBuf>,
    reason: Option<String>,
    by: String,
    timeout: Duration,
}

fn main() -> ExitCode {
    let code = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => run(&arguments).unwrap_or_else(|problem| {
            eprintln!("holdfast-guard: {problem}");
            USAGE_CODE
        }),
        Ok(None) => 0,
        Err(problem) => {
            eprintln!("holdfast-guard: {problem}\n{USAGE}");
            USAGE_CODE
        }
    };
    ExitCode::from(code)
}

fn parse(given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut given = given;
    let mut words = Vec::new();
    let mut arguments = Arguments {
        command: String::new(),
        level: None,
        config: PathBuf::from("guard.toml"),
        data_dir: None,
        reason: None,
        by: std::env::var("USER").unwrap_or_else(|_| "operator".to_owned()),
        timeout: Duration::from_secs(60),
    };
    while let Some(word) = given.next() {
        let mut value = || given.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(None);
            }
            "--version" => {
                let sources = env!("HOLDFAST_GUARD_SOURCES");
                println!(
                    "holdfast-guard {} (sources {sources})",
                    env!("CARGO_PKG_VERSION")
                );
                return Ok(None);
            }
            "--config" => arguments.config = value()?.into(),
            "--data-dir" => arguments.data_dir = Some(value()?.into()),
            "--reason" => arguments.reason = Some(value()?),
            "--by" => arguments.by = value()?,
            "--timeout" => {
                let text = value()?;
                let found = text
                    .parse()
                    .ok()
                    .filter(|seconds| (1..=3600).contains(seconds));
                arguments.timeout = found.map(Duration::from_secs).ok_or(format!(
                    "--timeout must be seconds from 1 to 3600, was {text:?}"
                ))?;
            }
            option if option.starts_with('-') => {
                return Err(format!("there is no option {option}"))
            }
            _ => words.push(word),
        }
    }
    let mut words = words.into_iter();
    arguments.command = words.next().ok_or("a command is needed")?;
    arguments.level = words.next();
    match words.next() {
        Some(word) => Err(format!("{word:?} was not expected")),
        None => Ok(Some(arguments)),
    }
}

/// The exit code; `Err` is a set-up that cannot be used, and nothing was started.
fn run(arguments: &Arguments) -> Result<u8, String> {
    let known = ["run", "watch", "kill", "release", "status", "check", "keys"];
    if !known.contains(&arguments.command.as_str()) {
        return Err(format!(
            "a command is one of {}, was {:?}",
            known.join(", "),
            arguments.command
        ));
    }
    if arguments.command == "run" {
        return begin(arguments);
    }
    let config = match &arguments.data_dir {
        Some(data_dir) if ["kill", "release", "status"].contains(&arguments.command.as_str()) => {
            Config::bare(data_dir.clone())
        }
        Some(_) => {
            return Err(
                "--data-dir goes with kill, release and status; the rest needs --config".to_owned(),
            )
        }
        None => load(&arguments.config)?,
    };
    match arguments.command.as_str() {
        "watch" => watch(config),
        "kill" => kill(arguments, config),
        "release" => {
            let reason = reason(arguments)?;
            ask_or_fail(
                &config,
                &Asked::Release {
                    reason,
                    by: arguments.by.clone(),
                },
            )
        }
        "status" => ask_or_fail(&config, &Asked::Status),
        "keys" => keys(&config),
        _ => {
            if let Some(venue) = &config.venue {
                credentials(venue)?;
            }
            println!("the guard's configuration is sound");
            Ok(0)
        }
    }
}

/// What becomes readable when a signal asks this process to stop.
fn stop_word() -> Result<UnixStream, String> {
    let (stop, signalled) = UnixStream::pair().map_err(|error| error.to_string())?;
    for number in [SIGTERM, SIGINT] {
        let end = signalled.try_clone().map_err(|error| error.to_string())?;
        signal_hook::low_level::pipe::register(number, end).map_err(|error| error.to_string())?;
    }
    Ok(stop)
}

fn begin(arguments: &Arguments) -> Result<u8, String> {
    let reports = Reports::open();
    let text = arguments.level.as_deref().unwrap_or_default();
    let plan: Plan = serde_json::from_str(text).map_err(|error| {
        let why = format!("run takes a plan as JSON, which `holdfast run` makes: {error}");
        reports.ended(&why);
        why
    })?;
    let stop = stop_word()?;
    let supervisor = std::env::var("NOTIFY_SOCKET").ok();
    match Guard::of_run(&plan) {
        Ok((guard, control)) => Ok(guard.keep(
            plan,
            reports,
            control,
            &Notify::to(supervisor.as_deref()),
            &stop,
        )),
        Err((code, why)) => {
            reports.ended(&why);
            eprintln!("holdfast-guard: {why}");
            Ok(code)
        }
    }
}

/// Keys for the guard's own file, which cancel and cannot trade.
fn keys(config: &Config) -> Result<u8, String> {
    let venue = config
        .venue
        .as_ref()
        .filter(|venue| venue.name == POLYMARKET);
    let venue = venue.ok_or(
        "only polymarket has keys that cancel and cannot trade; make the guard's own key at the venue",
    )?;
    let text = Polymarket::new(venue, &credentials(venue)?).scoped()?;
    println!("{text}");
    Ok(0)
}

fn watch(config: Config) -> Result<u8, String> {
    if config.closing.is_some() {
        return Err(
            "[closing] needs a guard that starts the run, `holdfast run --guard FILE`; watch starts no process: \
             leave [closing] out of its configuration"
                .to_owned(),
        );
    }
    let stop = stop_word()?;
    let socket = config.socket_path();
    let mut guard = Guard::open(config)?;
    guard.try_venue()?;
    let control = Control::open(&socket)?;
    let supervisor = std::env::var("NOTIFY_SOCKET").ok();
    guard.run(control, &Notify::to(supervisor.as_deref()), &stop);
    Ok(0)
}

fn kill(arguments: &Arguments, config: Config) -> Result<u8, String> {
    let level = match arguments.level.as_deref() {
        Some("PAUSE") => Level::Pause,
        Some("FLATTEN") => Level::Flatten,
        Some("EMERGENCY") => Level::Emergency,
        other => {
            let found = other.unwrap_or("none");
            return Err(format!(
                "kill needs a level, PAUSE, FLATTEN or EMERGENCY; was {found}"
            ));
        }
    };
    let reason = reason(arguments)?;
    let by = arguments.by.clone();
    let asked = Asked::Kill {
        level,
        reason: reason.clone(),
        by: by.clone(),
    };
    if let Some(answer) = ask(&config.socket_path(), &asked, arguments.timeout) {
        return Ok(said(&answer));
    }
    if arguments.data_dir.is_some() {
        return Err(
            "no guard answers there; to act without one, --config must say at which venue"
                .to_owned(),
        );
    }
    eprintln!("holdfast-guard: no guard answers, acting directly");
    Ok(said(&Guard::direct(config)?.kill_once(
        level,
        &reason,
        &by,
        arguments.timeout,
    )))
}

fn reason(arguments: &Arguments) -> Result<String, String> {
    let given = arguments
        .reason
        .clone()
        .filter(|reason| !reason.trim().is_empty());
    given.ok_or("a reason is needed: --reason \"why\"".to_owned())
}

fn ask_or_fail(config: &Config, asked: &Asked) -> Result<u8, String> {
    let answer = ask(&config.socket_path(), asked, HEARD);
    answer.map(|answer| said(&answer)).ok_or_else(|| {
        let socket = config.socket_path();
        format!(
            "no guard answers at {}: start one with `holdfast-guard watch`",
            socket.display()
        )
    })
}

/// Print an answer; its exit code.
fn said(answer: &Value) -> u8 {
    println!("{answer}");
    match answer["type"].as_str() {
        Some("done" | "status") => 0,
        Some("refused") => REFUSED,
        _ => FAILED,
    }
}
