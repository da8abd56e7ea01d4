//! Greets whom the event names, and the world when it names nobody.

use samovar_sdk::{Error, LambdaEvent, run, service_fn, tokio};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Guest {
    name: Option<String>,
}

#[derive(Serialize)]
struct Greeting {
    message: String,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}

async fn hello(event: LambdaEvent<Guest>) -> Result<Greeting, Error> {
    let name = event.payload.name.as_deref().unwrap_or("World");
    Ok(Greeting { message: format!("Hello, {name}!") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_sdk::testing;
    use serde_json::json;

    #[test]
    fn it_greets_by_name_or_else_the_world() {
        let mut service = service_fn(hello);
        assert_eq!(
            testing::invoke(&mut service, json!({"name": "Ada"})),
            Ok(json!({"message": "Hello, Ada!"}))
        );
        assert_eq!(testing::invoke(&mut service, json!({})), Ok(json!({"message": "Hello, World!"})));
    }
}
