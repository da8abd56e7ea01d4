//! `wasi:filesystem` as it is called by those who do not go through Rust's library: modules of preview 1, and guests that
//! no compiler makes.

use samovar::{Deployment, Host, Outcome};
use samovar_tests::{answer, component_of_preview1, component_of_world, error_type, guest, invoke, root};

/// What a module exports as a function: `handle` runs `$run` and answers `"ok"`.
const HANDLER: &str = r#"
    (global $free (mut i32) (i32.const 1048576))
    (data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00")
    (data (i32.const 64) "\22ok\22")
    (func (export "samovar:function/handler@0.1.0#handle")
        (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        (call $run) (i32.const 16))
    (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) (i32.const 48))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $bytes i32) (result i32)
        (global.set $free (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
        (global.get $free)
        (global.set $free (i32.add (global.get $free) (local.get $bytes))))
    (func $same (param i32 i32) (if (i32.ne (local.get 0) (local.get 1)) (then (unreachable))))"#;

async fn run(component: Vec<u8>) -> Outcome {
    let host = Host::temporary().await.expect("a host");
    host.publish(Deployment::new("guest", component).timeout_seconds(60)).await.expect("it is published");
    let outcome = invoke(&host, "guest:1", "{}").await;
    // Whatever it did, the next guest of the same host has its files.
    host.publish(Deployment::new("files", guest("files"))).await.expect("it is published");
    assert_eq!(
        answer(&invoke(&host, "files:1", r#"{"list": "/tmp"}"#).await)["names"],
        serde_json::json!([])
    );
    host.close().await;
    outcome
}

/// The functions of preview 1 that are used here. `/var/task` is 3, `/tmp` is 4 and the working folder is 5.
const PREVIEW1: &str = r#"
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 40)
    ;; Names of one letter, at their own code; a buffer of 64 KiB at 65536, described at 256; numbers are left at 512.
    (data (i32.const 97) "abc")
    (data (i32.const 300) "../x")
    (data (i32.const 310) "/etc/passwd")
    (data (i32.const 256) "\00\00\01\00\00\00\01\00")
    (func $buffer (param $bytes i32) (i32.store (i32.const 260) (local.get $bytes)))
    ;; Opens a name with these flags (1 makes it, 4 only if it is new, 8 cuts it off) to read and write.
    (func $open (param $folder i32) (param $name i32) (param $how i32) (param $flags i32) (result i32)
        (call $same (i32.const 0) (call $path_open (local.get $folder) (i32.const 1) (local.get $name) (i32.const 1)
            (local.get $how) (i64.const 66) (i64.const 66) (local.get $flags) (i32.const 512)))
        (i32.load (i32.const 512)))
    (func $fails (param $errno i32) (param $folder i32) (param $name i32) (param $bytes i32) (param $how i32)
        (call $same (local.get $errno) (call $path_open (local.get $folder) (i32.const 1) (local.get $name)
            (local.get $bytes) (local.get $how) (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 512))))"#;

async fn preview1(body: &str) {
    let core = format!("(module {PREVIEW1} {HANDLER} (func $run (local $fd i32) (local $other i32) {body}))");
    let outcome = run(component_of_preview1(&core)).await;
    assert_eq!(answer(&outcome), "ok", "{outcome:?}");
}

#[tokio::test]
async fn a_module_of_preview_1_writes_seeks_reads_and_appends() {
    preview1(
        r#"
        (local.set $fd (call $open (i32.const 4) (i32.const 97) (i32.const 5) (i32.const 0)))
        (i32.store (i32.const 65536) (i32.const 0x64636261))
        (call $buffer (i32.const 4))
        (call $same (i32.const 0) (call $write (local.get $fd) (i32.const 256) (i32.const 1) (i32.const 512)))
        (call $same (i32.const 4) (i32.load (i32.const 512)))
        (call $same (i32.const 0)
            (call $pwrite (local.get $fd) (i32.const 256) (i32.const 1) (i64.const 2) (i32.const 512)))
        ;; ababcd: the seek is 1 from the start, and 5 bytes follow.
        (call $same (i32.const 0) (call $seek (local.get $fd) (i64.const 1) (i32.const 0) (i32.const 512)))
        (call $buffer (i32.const 100))
        (call $same (i32.const 0) (call $read (local.get $fd) (i32.const 256) (i32.const 1) (i32.const 512)))
        (call $same (i32.const 5) (i32.load (i32.const 512)))
        (call $same (i32.const 0x63626162) (i32.load (i32.const 65536)))
        (call $same (i32.const 0) (call $read (local.get $fd) (i32.const 256) (i32.const 1) (i32.const 512)))
        (call $same (i32.const 0) (i32.load (i32.const 512)))
        ;; The same file again, to append to; the first reads on where it was.
        (local.set $other (call $open (i32.const 4) (i32.const 97) (i32.const 0) (i32.const 1)))
        (call $buffer (i32.const 3))
        (call $same (i32.const 0) (call $write (local.get $other) (i32.const 256) (i32.const 1) (i32.const 512)))
        (call $buffer (i32.const 100))
        (call $same (i32.const 0) (call $read (local.get $fd) (i32.const 256) (i32.const 1) (i32.const 512)))
        (call $same (i32.const 3) (i32.load (i32.const 512)))
        ;; Its size is 9 and it has one name.
        (call $same (i32.const 0) (call $stat (local.get $fd) (i32.const 1024)))
        (call $same (i32.const 9) (i32.load (i32.const 1056)))
        (call $same (i32.const 1) (i32.load (i32.const 1048)))
        ;; Past the end there is nothing, which is no interruption.
        (call $same (i32.const 0)
            (call $pread (local.get $fd) (i32.const 256) (i32.const 1) (i64.const 9) (i32.const 512)))
        (call $same (i32.const 0) (i32.load (i32.const 512)))
        (call $same (i32.const 0) (call $close (local.get $other)))"#,
    )
    .await;
}

#[tokio::test]
async fn a_module_of_preview_1_gets_the_errors_of_posix() {
    preview1(
        r#"
        ;; EROFS in the package, ENOENT, EPERM out of the folder and for the root.
        (call $fails (i32.const 69) (i32.const 3) (i32.const 97) (i32.const 1) (i32.const 1))
        (call $fails (i32.const 69) (i32.const 5) (i32.const 97) (i32.const 1) (i32.const 1))
        (call $fails (i32.const 44) (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 0))
        (call $fails (i32.const 63) (i32.const 4) (i32.const 300) (i32.const 4) (i32.const 0))
        (call $fails (i32.const 63) (i32.const 4) (i32.const 310) (i32.const 11) (i32.const 0))
        (call $same (i32.const 63)
            (call $symlink (i32.const 310) (i32.const 11) (i32.const 4) (i32.const 97) (i32.const 1)))
        ;; A link out of the folder is made and leads nowhere; EEXIST, as it has the name.
        (call $same (i32.const 0)
            (call $symlink (i32.const 300) (i32.const 4) (i32.const 4) (i32.const 97) (i32.const 1)))
        (call $fails (i32.const 63) (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 0))
        (call $fails (i32.const 20) (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 5))
        (call $same (i32.const 0) (call $unlink (i32.const 4) (i32.const 97) (i32.const 1)))
        ;; EXDEV between the two.
        (drop (call $open (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 0)))
        (call $same (i32.const 75) (call $rename (i32.const 4) (i32.const 97) (i32.const 1)
            (i32.const 3) (i32.const 97) (i32.const 1)))
        ;; ENOTDIR below a file.
        (i32.store (i32.const 400) (i32.const 0x622f61))
        (call $fails (i32.const 54) (i32.const 4) (i32.const 400) (i32.const 3) (i32.const 0))"#,
    )
    .await;
}

#[tokio::test]
async fn a_module_of_preview_1_lists_its_folder() {
    preview1(
        r#"
        (drop (call $open (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 0)))
        (drop (call $open (i32.const 4) (i32.const 98) (i32.const 1) (i32.const 0)))
        (call $same (i32.const 0) (call $rename (i32.const 4) (i32.const 98) (i32.const 1)
            (i32.const 4) (i32.const 99) (i32.const 1)))
        ;; `.`, `..`, `a` and `c`: four heads of 24 bytes, and five bytes of names.
        (call $same (i32.const 0)
            (call $readdir (i32.const 4) (i32.const 65536) (i32.const 4096) (i64.const 0) (i32.const 512)))
        (call $same (i32.const 101) (i32.load (i32.const 512)))
        (call $same (i32.const 97) (i32.load8_u (i32.const 65611)))
        (call $same (i32.const 99) (i32.load8_u (i32.const 65636)))"#,
    )
    .await;
}

#[tokio::test]
async fn a_module_of_preview_1_is_told_that_the_disk_is_full() {
    preview1(
        r#"
        (local.set $fd (call $open (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 0)))
        (loop $more (br_if $more (i32.eqz
            (local.tee $other (call $write (local.get $fd) (i32.const 256) (i32.const 1) (i32.const 512))))))
        (call $same (i32.const 51) (local.get $other))
        ;; There is room again once another file is gone, and the stream goes on.
        (call $same (i32.const 51)
            (call $pwrite (local.get $fd) (i32.const 256) (i32.const 1) (i64.const 1000000000) (i32.const 512)))
        (call $same (i32.const 0) (call $unlink (i32.const 4) (i32.const 97) (i32.const 1)))
        (call $same (i32.const 0) (call $close (local.get $fd)))
        (local.set $fd (call $open (i32.const 4) (i32.const 97) (i32.const 1) (i32.const 0)))
        (call $same (i32.const 0) (call $write (local.get $fd) (i32.const 256) (i32.const 1) (i32.const 512)))"#,
    )
    .await;
}

/// As much of `wasi:filesystem` as hostile guests need, and the types of our world.
const FILESYSTEM: &str = r#"
package wasi:filesystem@0.2.0 {
    interface types {
        flags descriptor-flags { read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory }
        flags path-flags { symlink-follow }
        flags open-flags { create, directory, exclusive, truncate }
        enum error-code {
            access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large,
            illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop, too-many-links,
            message-size, name-too-long, no-device, no-entry, no-lock, insufficient-memory, insufficient-space,
            not-directory, not-empty, not-recoverable, unsupported, no-tty, no-such-device, overflow, not-permitted,
            pipe, read-only, invalid-seek, text-file-busy, cross-device,
        }
        resource descriptor {
            open-at: func(path-flags: path-flags, path: string, open-flags: open-flags, %flags: descriptor-flags) -> result<descriptor, error-code>;
            set-size: func(size: u64) -> result<_, error-code>;
            read: func(length: u64, offset: u64) -> result<tuple<list<u8>, bool>, error-code>;
            create-directory-at: func(path: string) -> result<_, error-code>;
        }
    }
    interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
    }
}
"#;

/// Runs a guest whose `$tmp` is a descriptor of `/tmp`.
async fn hostile(body: &str) -> Outcome {
    let wit = std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("the WIT is there");
    let imports = "import wasi:filesystem/types@0.2.0; import wasi:filesystem/preopens@0.2.0;";
    let wit = format!("{wit}\n{FILESYSTEM}\nworld hostile {{ {imports} include function; }}");
    let core = format!(
        r#"(module
        (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
            (func $open_at (param i32 i32 i32 i32 i32 i32 i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.set-size"
            (func $set_size (param i32 i64 i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read"
            (func $read (param i32 i64 i64 i32)))
        (import "wasi:filesystem/types@0.2.0" "[method]descriptor.create-directory-at"
            (func $create_directory (param i32 i32 i32 i32)))
        (memory (export "memory") 64)
        (data (i32.const 97) "a/b")
        {HANDLER}
        (func $run (local $tmp i32) (local $fd i32)
            (call $directories (i32.const 512))
            ;; Each is a descriptor and a name; the second is that of /tmp.
            (local.set $tmp (i32.load offset=12 (i32.load (i32.const 512))))
            {body}))"#
    );
    run(component_of_world(&wit, "hostile", &core)).await
}

#[tokio::test]
async fn descriptors_without_end_are_bounded() {
    let outcome = hostile(
        "(loop $more
            (call $open_at (local.get $tmp) (i32.const 1) (i32.const 97) (i32.const 1) (i32.const 1) (i32.const 3)
                (i32.const 512))
            (br $more))",
    )
    .await;
    assert_eq!(error_type(&outcome), "Runtime.ExitError", "{outcome:?}");
}

#[tokio::test]
async fn numbers_without_end_are_errors_or_little_memory() {
    let outcome = hostile(
        "(call $open_at (local.get $tmp) (i32.const 1) (i32.const 97) (i32.const 1) (i32.const 1) (i32.const 3)
            (i32.const 512))
        (local.set $fd (i32.load (i32.const 516)))
        ;; No size has 64 bits; the largest that has 63 takes no memory, and a read of it is cut short.
        (call $set_size (local.get $fd) (i64.const -1) (i32.const 512))
        (call $same (i32.const 1) (i32.load8_u (i32.const 512)))
        (call $same (i32.const 8) (i32.load8_u (i32.const 513)))
        (call $set_size (local.get $fd) (i64.const 0x7fffffffffffffff) (i32.const 512))
        (call $same (i32.const 0) (i32.load8_u (i32.const 512)))
        (call $read (local.get $fd) (i64.const -1) (i64.const 7) (i32.const 512))
        (call $same (i32.const 0) (i32.load8_u (i32.const 512)))
        (call $same (i32.const 1048576) (i32.load (i32.const 520)))
        (call $read (local.get $fd) (i64.const -1) (i64.const -1) (i32.const 512))
        (call $same (i32.const 0) (i32.load (i32.const 520)))",
    )
    .await;
    assert_eq!(answer(&outcome), "ok", "{outcome:?}");
    assert!(outcome.report.max_memory_used_bytes < 8 << 20);
}

#[tokio::test]
async fn folders_in_folders_without_end_are_bounded() {
    // Each is made and opened in the one before, which is how paths get longer than any path can be.
    let outcome = hostile(
        "(local.set $fd (local.get $tmp))
        (loop $more
            (call $create_directory (local.get $fd) (i32.const 97) (i32.const 1) (i32.const 512))
            (call $same (i32.const 0) (i32.load8_u (i32.const 512)))
            (call $open_at (local.get $fd) (i32.const 1) (i32.const 97) (i32.const 1) (i32.const 2) (i32.const 1)
                (i32.const 512))
            (local.set $fd (i32.load (i32.const 516)))
            (br $more))",
    )
    .await;
    assert_eq!(error_type(&outcome), "Runtime.ExitError", "{outcome:?}");
}
