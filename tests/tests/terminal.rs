//! What a terminal gets to see of functions: nothing that it would act upon. Files and pipes get every byte as it is.

use std::process::{Command, Output, Stdio};

use samovar_tests::{Api, Server, guest, python, samovar_binary};

/// Runs a command on a terminal of its own, and gives back what stood on it.
const ON_A_TERMINAL: &str = "import pty, sys; sys.exit(0 if pty.spawn(sys.argv[1:]) in (0, 256) else 1)";

/// An event that the function `echo` answers with: it clears the screen, renames the window and turns what follows around.
/// In JSON most of it must be escaped; what may stand there as it is are the characters beyond ASCII.
const EVENT: &str = "\"a\u{9b}2Jb\u{9d}0;c\u{202e}d\u{7f}\"";
const SPELT_OUT: &str = r#""a\x9b2Jb\x9d0;c\u{202e}d\x7f""#;

fn on_a_terminal(arguments: &[&str], server: &Server) -> String {
    let mut command = Command::new(python());
    command.args(["-c", ON_A_TERMINAL]).arg(samovar_binary()).args(arguments);
    let output =
        command.args(["--endpoint", server.endpoint()]).stdin(Stdio::null()).output().expect("python runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn piped(arguments: &[&str], server: &Server) -> Output {
    let mut command = Command::new(samovar_binary());
    command.args(arguments).args(["--endpoint", server.endpoint()]).stdin(Stdio::null());
    command.output().expect("it runs")
}

/// The lines that have that in them.
fn lines_with(text: &str, part: &str) -> Vec<String> {
    text.lines().filter(|line| line.contains(part)).map(|line| line.trim_end().to_owned()).collect()
}

/// A command that writes an escape sequence, a carriage return and letters to its log.
fn logs_escapes() -> Vec<u8> {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "kettle\1b[2J\0d\1b]0;mine\07end\0a")
        (func (export "_start")
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 24))
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
    wat::parse_str(text).expect("a module")
}

#[test]
fn an_answer_is_spelt_out_on_a_terminal_and_unchanged_in_a_pipe() {
    let server = Server::start();
    let api = Api::of(&server);
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    let invoke = ["invoke", "echo", "--payload", EVENT];
    let seen = on_a_terminal(&invoke, &server);
    assert_eq!(lines_with(&seen, "2J"), [SPELT_OUT], "{seen:?}");
    let answer = piped(&invoke, &server);
    assert_eq!(String::from_utf8(answer.stdout).expect("text"), format!("{EVENT}\n"));
}

#[test]
fn a_log_is_spelt_out_on_a_terminal_and_unchanged_in_a_pipe() {
    let (raw, spelt_out) = ("kettle\u{1b}[2J\r\u{1b}]0;mine\u{7}end", r"kettle\x1b[2J\r\x1b]0;mine\x07end");
    let server = Server::start();
    let api = Api::of(&server);
    assert_eq!(api.create("escapes", &logs_escapes()).status, 201);

    let invoke = ["invoke", "escapes", "--log"];
    let seen = on_a_terminal(&invoke, &server);
    assert_eq!(lines_with(&seen, "kettle"), [spelt_out], "{seen:?}");
    let tail = String::from_utf8(piped(&invoke, &server).stderr).expect("text");
    assert!(tail.contains(raw), "{tail:?}");

    let logs = ["logs", "escapes"];
    let seen = lines_with(&on_a_terminal(&logs, &server), "kettle");
    assert!(seen.len() == 2 && seen.iter().all(|line| line.ends_with(spelt_out)), "{seen:?}");
    let kept = String::from_utf8(piped(&logs, &server).stdout).expect("text");
    assert_eq!(kept.matches(raw).count(), 2, "{kept:?}");
    assert!(server.wait_for_log("kettle").contains(raw), "what a server writes to a pipe");
}

/// A server on a terminal writes the lines of its functions there.
#[test]
fn a_server_spells_out_what_functions_log_to_its_terminal() {
    const SERVER: &str = r#"
import os, pty, sys
program, folder = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, [program, "serve", "--listen", "127.0.0.1:0", "--data-dir", folder])
seen = b""
def until(part):
    global seen
    while part not in seen:
        seen += os.read(terminal, 65536)
until(b"listening on ")
until(b"\n")
endpoint = seen.split(b"listening on ")[1].split()[0].decode()
run = lambda *arguments: os.spawnv(os.P_WAIT, program, [program, *arguments, "--endpoint", endpoint])
assert run("deploy", "escapes", folder + "/escapes.wasm") == 0
run("invoke", "escapes")
until(b"kettle")
until(b"REPORT")
os.kill(pid, 15)
os.waitpid(pid, 0)
sys.stdout.buffer.write(b"SEEN" + seen)
"#;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("escapes.wasm"), logs_escapes()).expect("it is written");
    let mut command = Command::new(python());
    command.args(["-c", SERVER]).arg(samovar_binary()).arg(folder.path()).stdin(Stdio::null());
    let output = command.output().expect("python runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let (_, seen) = text.split_once("SEEN").expect("the end of it");
    let lines = lines_with(seen, "kettle");
    assert!(lines.len() == 1 && lines[0].ends_with(r"kettle\x1b[2J\r\x1b]0;mine\x07end"), "{lines:?}");
}
