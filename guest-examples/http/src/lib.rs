//! Answers HTTP requests itself, with nothing of Samovar in it: a component that exports `wasi:http/incoming-handler`, as
//! every host of WASI serves it.

use std::io::{self, Read, Write};

use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
/// The smallest picture there is: one transparent point.
const PICTURE: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";
/// How many lines `/lines` sends at most.
const LINES_MAX: u32 = 1_000_000;

struct Site;

wasip2::http::proxy::export!(Site);

impl wasip2::exports::http::incoming_handler::Guest for Site {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let url = request.path_with_query().unwrap_or_default();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let done = match (request.method(), path) {
            (_, "/") => respond(answer, 200, &[TEXT], |body| describe(&request, query, body)),
            (Method::Post, "/echo") => echo(&request, answer),
            (Method::Get, "/cookies") => {
                let cookies = [("set-cookie", "tea=green; Path=/"), ("set-cookie", "cup=blue; HttpOnly")];
                respond(answer, 204, &cookies, |_| Ok(()))
            }
            (Method::Get, "/picture") => {
                respond(answer, 200, &[("content-type", "image/gif")], |body| body.write_all(PICTURE))
            }
            (Method::Get, "/lines") => respond(answer, 200, &[TEXT], |body| lines(query, body)),
            _ => respond(answer, 404, &[TEXT], |body| writeln!(body, "there is no {path}")),
        };
        if let Err(error) = done {
            // The head has been sent, so the one who asked sees a body that ends too early.
            eprintln!("{url}: {error}");
        }
    }
}

/// Sends the head, and then the body as it is written.
fn respond(
    answer: ResponseOutparam,
    status: u16,
    headers: &[(&str, &str)],
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let headers = Fields::from_list(&headers).map_err(io::Error::other)?;
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("it is a status code");
    let body = response.body().expect("it is asked for once");
    ResponseOutparam::set(answer, Ok(response));

    let mut stream = body.write().expect("it is asked for once");
    write(&mut stream)?;
    Write::flush(&mut stream)?;
    drop(stream);
    OutgoingBody::finish(body, None).map_err(io::Error::other)
}

/// Says what was asked, a line for each part.
fn describe(request: &IncomingRequest, query: &str, body: &mut dyn Write) -> io::Result<()> {
    writeln!(body, "method: {}", name(&request.method()))?;
    let language = request.headers().get("accept-language").into_iter().next().unwrap_or_default();
    writeln!(body, "query: {query}")?;
    writeln!(body, "language: {}", String::from_utf8_lossy(&language))
}

fn name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

/// Sends a body back, with its type, a piece at a time.
fn echo(request: &IncomingRequest, answer: ResponseOutparam) -> io::Result<()> {
    let kind = request.headers().get("content-type").into_iter().next();
    let kind = kind.and_then(|kind| String::from_utf8(kind).ok());
    let headers = [("content-type", kind.as_deref().unwrap_or("application/octet-stream"))];
    let incoming = request.consume().expect("it is asked for once");
    let mut incoming = incoming.stream().expect("it is asked for once");
    respond(answer, 200, &headers, |body| io::copy(&mut incoming.by_ref(), body).map(|_bytes| ()))
}

/// Counts up to what the query says, a line for each number, so that a body can be as long as one wants.
fn lines(query: &str, body: &mut dyn Write) -> io::Result<()> {
    let count: u32 = query.strip_prefix("count=").and_then(|count| count.parse().ok()).unwrap_or(1);
    let mut body = io::BufWriter::new(body);
    for number in 1..=count.min(LINES_MAX) {
        writeln!(body, "line {number}")?;
    }
    body.flush()
}
