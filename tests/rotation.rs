//! Following a log under rotation by the real logrotate, written by the real nginx under load (PI-9).
//!
//! *In*: nginx with two workers and no buffer, a load of numbered requests, logrotate twice a second. *Out*: the numbers that reach the
//! parts. *Promised*: where logrotate renames (`create`), exactly the requests that were served, none twice; where it copies and
//! truncates (`copytruncate`), every line that stands in the log or in a copy at the end, none twice, and nothing that was not served.
//! What logrotate loses by itself, between its copy and its truncation, is counted and printed. *Not here*: kills (`kill`).
//!
//! `SLUIS_REQUESTS` is the number of requests of each case. Skipped, with a message, where nginx or logrotate is not installed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::support;
use crate::support::numbered::{FORMAT, Numbered, installed, within};

/// Connections that send requests at the same time.
const CONNECTIONS: u64 = 4;
/// A request in so many microseconds on each connection.
const PACE: Duration = Duration::from_micros(800);
/// The longest that nginx, or an answer of it, is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The number of a request stands in the path, and the log says it once more where the bytes sent would be.
const SERVER: &str = r"
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/nginx-error.log;
{user}
events { worker_connections 64; }
http {
  client_body_temp_path {dir}/nginx-body;
  proxy_temp_path {dir}/nginx-proxy;
  fastcgi_temp_path {dir}/nginx-fastcgi;
  uwsgi_temp_path {dir}/nginx-uwsgi;
  scgi_temp_path {dir}/nginx-scgi;
  keepalive_requests 100000000;
  map $uri $number { ~^/n/(?<digits>[0-9]+)$ $digits; }
  log_format numbered '{format}';
  access_log {dir}/log/access.log numbered;
  server {
    listen 127.0.0.1:{port};
    location / { return 204; }
  }
}
";

const LOGROTATE: &str = "
{log} {
  rotate 1000
  missingok
  {how}
}
";

/// nginx tells its workers of the new file.
const RENAMES: &str = "create\n  postrotate\n    kill -USR1 $(cat {dir}/nginx.pid)\n  endscript";

/// Programs that the system must have.
struct Tools {
    nginx: PathBuf,
    logrotate: PathBuf,
}

impl Tools {
    fn find() -> Option<Self> {
        let (nginx, logrotate) = (installed("nginx"), installed("logrotate"));
        Some(Self { nginx: nginx?, logrotate: logrotate? })
    }
}

/// nginx with a prefix of its own.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(nginx: &Path, pipeline: &Numbered) -> Self {
        // Free now; nobody else is expected to take it within the next moment.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let dir = pipeline.text("");
        // Workers of another user could not open the log anew.
        let user = if getuid().is_root() { "user root;" } else { "" };
        let config = SERVER
            .replace("{dir}", dir.trim_end_matches('/'))
            .replace("{user}", user)
            .replace("{port}", &port.to_string())
            .replace("{format}", &FORMAT.replace("$body_bytes_sent", "$number"));
        let file = pipeline.path("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(nginx);
        command.arg("-p").arg(&dir).arg("-c").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().unwrap(), port };
        let up = within(PATIENCE.as_secs(), || server.connect().is_ok());
        let said = fs::read_to_string(pipeline.path("nginx-error.log"));
        assert!(up && pipeline.path("nginx.pid").is_file(), "nginx does not start: {said:?}");
        server
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Requests every number from 1 to `count`, on several connections; returns those that were answered.
    fn load(&self, count: u64) -> BTreeSet<u64> {
        thread::scope(|scope| {
            let senders: Vec<_> = (0..CONNECTIONS)
                .map(|first| scope.spawn(move || self.requests(first + 1, count).unwrap()))
                .collect();
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        })
    }

    fn requests(&self, first: u64, count: u64) -> io::Result<Vec<u64>> {
        let mut stream = self.connect()?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut answered = Vec::new();
        for number in (first..=count).step_by(usize::try_from(CONNECTIONS).unwrap()) {
            stream.write_all(format!("GET /n/{number} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            assert!(head.starts_with("HTTP/1.1 204"), "{head}");
            answered.push(number);
            thread::sleep(PACE);
        }
        Ok(answered)
    }

    /// Lets nginx write what it has to write, and ends it.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::QUIT).unwrap();
        assert_eq!(support::wait(&mut self.child), 0, "nginx ends well");
    }
}

impl Drop for Server {
    /// A test that failed leaves no process behind: told to stop at once, nginx ends its workers, too.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// Rotates again and again until told to stop; returns how often.
fn rotate(logrotate: &Path, pipeline: &Numbered, how: &str, stop: &AtomicBool) -> u64 {
    let config = pipeline.path("logrotate.conf");
    let dir = pipeline.text("");
    let text = LOGROTATE.replace("{log}", &pipeline.text("log/access.log")).replace("{how}", how);
    fs::write(&config, text.replace("{dir}", dir.trim_end_matches('/'))).unwrap();
    // It takes no configuration that others may write, and no log in a directory that they may write to.
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(pipeline.path("log"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(500));
        let mut command = Command::new(logrotate);
        command.arg("-f").arg("-s").arg(pipeline.path("logrotate.state")).arg(&config);
        let ended = command.stdin(Stdio::null()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        count += 1;
    }
    count
}

/// The numbers in the log and in all that became of it, in order.
fn in_files(folder: &Path) -> Vec<u64> {
    let mut numbers = Vec::new();
    for file in support::files_under(folder) {
        let file =
            fs::File::open(folder.join(&file)).map(|open| (open, file.to_string_lossy().ends_with(".gz")));
        let (open, packed) = file.unwrap();
        let read: Box<dyn io::Read> =
            if packed { Box::new(flate2::read::MultiGzDecoder::new(open)) } else { Box::new(open) };
        for line in BufReader::new(read).lines() {
            numbers.push(line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap());
        }
    }
    numbers.sort_unstable();
    numbers
}

/// What a case left behind.
struct Case {
    answered: BTreeSet<u64>,
    files: Vec<u64>,
    rotations: u64,
}

impl Case {
    /// nginx, load and logrotate; `beside` is called once nginx runs, and its result given back when all have come to rest.
    /// The first rotation waits for `is_ready`.
    fn run<T>(
        tools: &Tools,
        pipeline: &Numbered,
        how: &str,
        beside: impl FnOnce() -> T,
        is_ready: impl Fn() -> bool + Sync,
    ) -> (Self, T) {
        let requests = std::env::var("SLUIS_REQUESTS").ok().and_then(|count| count.parse().ok());
        let server = Server::start(&tools.nginx, pipeline);
        let beside = beside();
        let stop = AtomicBool::new(false);
        let (answered, rotations) = thread::scope(|scope| {
            let rotating = scope.spawn(|| {
                within(20, &is_ready);
                rotate(&tools.logrotate, pipeline, how, &stop)
            });
            let answered = server.load(requests.unwrap_or(20_000));
            stop.store(true, Ordering::Relaxed);
            (answered, rotating.join().unwrap())
        });
        server.end();
        let files = in_files(&pipeline.path("log"));
        (Self { answered, files, rotations }, beside)
    }

    /// Answered, but in no file: nobody can read that afterwards.
    fn lost_by_logrotate(&self) -> u64 {
        let files: BTreeSet<u64> = self.files.iter().copied().collect();
        self.answered.difference(&files).count() as u64
    }

    fn say(&self, title: &str) {
        println!(
            "figures: {title}: {} requests answered, {} rotations, {} lines in files, {} lost by logrotate itself",
            self.answered.len(),
            self.rotations,
            self.files.len(),
            self.lost_by_logrotate(),
        );
    }
}

/// The same with a run that follows the log, until it has come to rest. Gives the numbers in parts.
fn followed(tools: &Tools, how: &str, title: &str) -> (Numbered, Case) {
    let pipeline = Numbered::new();
    // What was rotated before a source is looked at for the first time is not its own.
    let has_begun = || !pipeline.parts().is_empty();
    let (case, run) = Case::run(tools, &pipeline, how, || pipeline.follow(), has_begun);
    case.say(title);
    // Nothing more comes: parts close a second after their first record.
    let mut seen = (0, 0);
    within(15, || {
        let now = pipeline.parts().len();
        seen = if now == seen.0 { (now, seen.1 + 1) } else { (now, 0) };
        seen.1 > 150
    });
    // A file that was compressed before anybody looked, because the machine was busy with something else, is read once it is a minute
    // old: until then it may still be written.
    let lines = case.files.len();
    within(90, || pipeline.numbers().len() >= lines);
    run.stop().expect_code(0);
    (pipeline, case)
}

/// The harness by itself: what nginx says it served is what can be in its logs.
#[test]
fn nginx_and_logrotate_are_as_we_think() {
    let Some(tools) = Tools::find() else { return };
    for (how, title) in [(RENAMES, "create"), ("copytruncate", "copytruncate")] {
        let pipeline = Numbered::new();
        let (case, ()) = Case::run(&tools, &pipeline, how, || (), || true);
        case.say(title);
        let once: BTreeSet<u64> = case.files.iter().copied().collect();
        assert_eq!(once.len(), case.files.len(), "no line stands in two files");
        assert!(once.is_subset(&case.answered) && case.rotations > 1);
        if how == RENAMES {
            assert_eq!(case.lost_by_logrotate(), 0, "a renamed log loses nothing");
        }
    }
}

#[test]
fn pi_9_a_log_that_is_renamed_loses_no_request() {
    let Some(tools) = Tools::find() else { return };
    let packed = RENAMES.replace("create", "create\n  compress\n  delaycompress");
    for (how, title) in [(RENAMES, "create"), (packed.as_str(), "create, compress, delaycompress")] {
        let (pipeline, case) = followed(&tools, how, title);
        pipeline.expect_once(case.answered);
        pipeline.expect_rest();
    }
}

#[test]
fn pi_9_a_log_that_is_copied_and_truncated_loses_no_line_of_log_or_copy() {
    let Some(tools) = Tools::find() else { return };
    let (pipeline, case) = followed(&tools, "copytruncate", "copytruncate");
    // A line that came between copy and truncation may have been read all the same: better than logrotate, and no fault.
    let numbers = pipeline.numbers();
    let files: BTreeSet<u64> = case.files.iter().copied().collect();
    let saved: BTreeSet<u64> = numbers.keys().filter(|number| !files.contains(number)).copied().collect();
    assert!(saved.is_subset(&case.answered), "only what was served");
    println!("figures: {} lines that logrotate lost were read before", saved.len());
    pipeline.expect_once(files.union(&saved).copied());
    pipeline.expect_rest();
}
