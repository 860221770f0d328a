//! A small static file server, for localhost only.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Longest head of a request that is read, in bytes.
const MAX_HEAD: u64 = 16 * 1024;
/// Longest wait for a browser to send or take bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves a folder until the program is ended.
pub(crate) fn serve(folder: &Path, port: u16) -> Result<()> {
    ensure!(
        folder.join("index.html").is_file(),
        "there is no page in {}: build it with 'cargo xtask page'",
        folder.display()
    );
    let port = Port::take(port)?;
    println!("\nThe page is served at (Ctrl+C ends it):\n  {}", port.address(""));
    accept(&port.listener, folder);
    Ok(())
}

/// A port of this machine that is ours.
pub(crate) struct Port {
    listener: TcpListener,
    number: u16,
}

impl Port {
    /// Takes a port, or any that is free for 0. Browsers that come before there is a page wait.
    pub(crate) fn take(number: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number))
            .with_context(|| format!("port {number} cannot be used: choose another with --port"))?;
        let number = listener.local_addr()?.port();
        Ok(Self { listener, number })
    }

    /// The address of a page.
    pub(crate) fn address(&self, page: &str) -> String {
        format!("http://localhost:{}/{page}", self.number)
    }

    /// Serves a folder beside what this program does else, as long as it runs.
    pub(crate) fn serve_beside(&self, folder: &Path) -> Result<JoinHandle<()>> {
        let (listener, folder) = (self.listener.try_clone()?, folder.to_owned());
        Ok(std::thread::spawn(move || accept(&listener, &folder)))
    }
}

fn accept(listener: &TcpListener, folder: &Path) {
    let folder: Arc<Path> = folder.into();
    for stream in listener.incoming().flatten() {
        let folder = Arc::clone(&folder);
        std::thread::spawn(move || {
            // A browser that hangs up early is no trouble of ours.
            let _ = answer(&stream, &folder);
        });
    }
}

fn answer(stream: &TcpStream, folder: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.take(MAX_HEAD)).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    // The head is read to its end: closing a connection with unread bytes would reset it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(method, "GET" | "HEAD") {
        return refuse(stream, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
    }
    let Some((mut file, kind)) = local_path(target).and_then(|path| open(&folder.join(path))) else {
        return missing(stream, folder);
    };
    head(stream, "200 OK", kind, file.metadata()?.len(), "")?;
    if method == "GET" {
        io::copy(&mut file, &mut &*stream)?;
    }
    Ok(())
}

/// Answers for a page that is not there as other hosts do: with `404.html`, where there is one.
fn missing(stream: &TcpStream, folder: &Path) -> io::Result<()> {
    const STATUS: &str = "404 Not Found";
    let Some((mut page, kind)) = open(&folder.join("404.html")) else { return refuse(stream, STATUS, "") };
    head(stream, STATUS, kind, page.metadata()?.len(), "")?;
    io::copy(&mut page, &mut &*stream).map(drop)
}

fn refuse(mut stream: &TcpStream, status: &str, extra: &str) -> io::Result<()> {
    head(stream, status, "text/plain; charset=utf-8", status.len() as u64, extra)?;
    stream.write_all(status.as_bytes())
}

fn head(mut stream: &TcpStream, status: &str, kind: &str, length: u64, extra: &str) -> io::Result<()> {
    // no-cache: the page is rebuilt under the same names.
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-cache\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n{extra}\r\n"
    )
}

/// The file that a request's target names, relative to the folder; nothing when it would lead outside.
fn local_path(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = PathBuf::from(percent_decoded(path)?);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            ensure_hex(digits)?;
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    let text = String::from_utf8(decoded).ok()?;
    (!text.contains('\0')).then_some(text)
}

fn ensure_hex(digits: [u8; 2]) -> Option<()> {
    digits.iter().all(u8::is_ascii_hexdigit).then_some(())
}

/// A file, or the index of a folder, and its MIME type.
fn open(path: &Path) -> Option<(File, &'static str)> {
    let path = if path.is_dir() { path.join("index.html") } else { path.to_owned() };
    let file = File::open(&path).ok()?;
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    file.metadata().ok()?.is_file().then_some((file, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server over a folder with a few files, with a secret beside it.
    fn server() -> (tempfile::TempDir, u16) {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret.txt"), "secret").unwrap();
        let dist = root.path().join("dist");
        std::fs::create_dir_all(dist.join("weights")).unwrap();
        std::fs::write(dist.join("index.html"), "<p>hello").unwrap();
        std::fs::write(dist.join("app.wasm"), b"\0asm").unwrap();
        std::fs::write(dist.join("weights/a b.safetensors"), b"12345").unwrap();
        let port = Port::take(0).unwrap();
        port.serve_beside(&dist).unwrap();
        (root, port.number)
    }

    fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        write!(stream, "{request}\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn files_come_with_their_type() {
        let (_root, port) = server();
        for (target, kind, body) in [
            ("/", "text/html; charset=utf-8", "<p>hello"),
            ("/index.html?seed=1", "text/html; charset=utf-8", "<p>hello"),
            ("/app.wasm", "application/wasm", "\0asm"),
            ("/weights/a%20b.safetensors", "application/octet-stream", "12345"),
        ] {
            let answer = ask(port, &format!("GET {target} HTTP/1.1"));
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.contains(&format!("Content-Type: {kind}\r\n")), "{answer}");
            assert!(answer.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
        }
    }

    #[test]
    fn head_sends_no_body() {
        let (_root, port) = server();
        let answer = ask(port, "HEAD /app.wasm HTTP/1.1");
        assert!(answer.contains("Content-Length: 4\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let (_root, port) = server();
        for target in [
            "/../secret.txt",
            "/weights/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/absent",
            "/weights",
            "/%zz",
            "/%+1",
            "/a%00",
            "etc",
        ] {
            let answer = ask(port, &format!("GET {target} HTTP/1.1"));
            assert!(answer.starts_with("HTTP/1.1 404 "), "{target}: {answer}");
        }
    }

    /// The page that mends addresses comes in place of what is not there.
    #[test]
    fn what_is_not_there_is_answered_with_its_page() {
        let (root, port) = server();
        std::fs::write(root.path().join("dist/404.html"), "<p>no such page").unwrap();
        for target in ["/absent", "/%23v2.AAAA"] {
            let answer = ask(port, &format!("GET {target} HTTP/1.1"));
            assert!(answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("<p>no such page"), "{answer}");
        }
    }

    #[test]
    fn other_methods_and_nonsense_are_refused() {
        let (_root, port) = server();
        for request in ["POST / HTTP/1.1", "DELETE /index.html HTTP/1.1", "nonsense", ""] {
            let answer = ask(port, request);
            assert!(answer.starts_with("HTTP/1.1 405 "), "{request}: {answer}");
            assert!(answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
        }
    }

    #[test]
    fn a_folder_without_a_page_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = serve(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains("cargo xtask page"), "{error}");
    }

    #[test]
    fn a_port_that_is_taken_is_an_error_that_names_the_way_out() {
        let taken = Port::take(0).unwrap();
        let error = Port::take(taken.number).err().expect("it is taken").to_string();
        assert!(error.contains(&taken.number.to_string()) && error.contains("--port"), "{error}");
        assert_eq!(taken.address("?seed=1"), format!("http://localhost:{}/?seed=1", taken.number));
    }
}
