use serde_json::{Value, json};

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

fn statement(permission: Permission) -> Value {
    serde_json::from_str(&permission.statement(ARN).expect("a statement").to_json()).expect("JSON")
}

fn permission(id: &str) -> PolicyStatement {
    let permission = Permission::new(id, "lambda:InvokeFunction", "s3.amazonaws.com");
    permission.statement(ARN).expect("a statement")
}

#[test]
fn a_permission_becomes_the_statement_that_lambda_writes() {
    let permission = Permission {
        source_arn: Some("arn:aws:s3:::bucket".to_owned()),
        source_account: Some("123456789012".to_owned()),
        ..Permission::new("s3", "lambda:InvokeFunction", "s3.amazonaws.com")
    };
    let expected = json!({
        "Sid": "s3", "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" },
        "Action": "lambda:InvokeFunction", "Resource": ARN,
        "Condition": {
            "StringEquals": { "AWS:SourceAccount": "123456789012" },
            "ArnLike": { "AWS:SourceArn": "arn:aws:s3:::bucket" },
        },
    });
    assert_eq!(statement(permission), expected);
    let url = Permission {
        function_url_auth_type: Some("NONE".to_owned()),
        invoked_via_function_url: Some(true),
        event_source_token: Some("t".to_owned()),
        principal_org_id: Some("o-0123456789".to_owned()),
        ..Permission::new("url", "lambda:InvokeFunctionUrl", "*")
    };
    let expected = json!({
        "Sid": "url", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": ARN,
        "Condition": {
            "Bool": { "lambda:InvokedViaFunctionUrl": "true" },
            "StringEquals": {
                "aws:PrincipalOrgID": "o-0123456789", "lambda:EventSourceToken": "t",
                "lambda:FunctionUrlAuthType": "NONE",
            },
        },
    });
    assert_eq!(statement(url), expected);
}

#[test]
fn a_principal_is_an_account_an_arn_a_service_or_everybody() {
    let principal = |text: &str| {
        let permission = Permission::new("s", "lambda:*", text);
        permission.statement(ARN).map(|statement| serde_json::to_value(statement.principal).expect("JSON"))
    };
    assert_eq!(principal("123456789012"), Ok(json!({ "AWS": "arn:aws:iam::123456789012:root" })));
    let role = "arn:aws:iam::123456789012:role/r";
    assert_eq!(principal(role), Ok(json!({ "AWS": role })));
    assert_eq!(principal("events.amazonaws.com"), Ok(json!({ "Service": "events.amazonaws.com" })));
    assert_eq!(principal("*"), Ok(json!("*")));
    for bad in ["", "1234", "somebody", "arn:aws:s3:::bucket", "arn:aws:iam::1:root", "a b.c"] {
        assert_eq!(principal(bad), Err(PolicyError::Principal), "{bad:?}");
    }
}

#[test]
fn statements_come_and_go_by_their_ids() {
    let one = ResourcePolicy::with(None, permission("one")).expect("a policy");
    let text = one.to_json();
    assert!(
        text.starts_with(r#"{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"one","#),
        "{text}"
    );
    let exists = PolicyError::StatementExists { id: "one".to_owned() };
    assert_eq!(ResourcePolicy::with(Some(&one), permission("one")), Err(exists));
    let two = ResourcePolicy::with(Some(&one), permission("two")).expect("a policy");
    assert_eq!(two.without("two").expect("it was there"), Some(one.clone()));
    assert_eq!(one.without("two"), Err(PolicyError::StatementNotFound { id: "two".to_owned() }));
    assert_eq!(one.without("one").expect("it was there"), None);
}

#[test]
fn single_statements_join_those_of_a_whole_policy() {
    let text = json!({
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "put", "Effect": "Deny", "Principal": { "AWS": ["123456789012"] }, "Action": ["lambda:*"],
            "Resource": ARN, "Condition": { "StringLike": { "aws:UserAgent": ["a*", "b*"] } },
        },
    });
    let put = ResourcePolicy::parse(&text.to_string()).expect("a policy");
    let round: Value = serde_json::from_str(&put.to_json()).expect("JSON");
    assert_eq!(round, text, "what was put is what is got");
    let both = ResourcePolicy::with(Some(&put), permission("added")).expect("a policy");
    assert_eq!(
        both.statements().iter().filter_map(PolicyStatement::id).collect::<Vec<_>>(),
        ["put", "added"]
    );
    assert!(ResourcePolicy::with(Some(&put), permission("put")).is_err());
}

#[test]
fn all_that_the_language_has_is_taken() {
    let text = json!({
        "Version": "2008-10-17",
        "Statement": [{
            "Effect": "Deny", "NotPrincipal": { "AWS": "123456789012" }, "NotAction": "lambda:GetFunction",
            "NotResource": [ARN],
            "Condition": {
                "Bool": { "aws:SecureTransport": false }, "NumericLessThan": { "aws:MultiFactorAuthAge": [5, "1.5"] },
            },
        }],
    });
    let policy = ResourcePolicy::parse(&text.to_string()).expect("a policy");
    let mut kept = text.clone();
    kept["Statement"][0]["Condition"] = json!({
        "Bool": { "aws:SecureTransport": "false" }, "NumericLessThan": { "aws:MultiFactorAuthAge": ["5", "1.5"] },
    });
    assert_eq!(serde_json::from_str::<Value>(&policy.to_json()).expect("JSON"), kept);
    let longer = ResourcePolicy::with(Some(&policy), permission("s")).expect("a policy").to_json();
    assert!(longer.contains("2008-10-17"), "{longer}");
}

#[test]
fn what_is_no_policy_is_refused() {
    let statement = serde_json::to_value(permission("s")).expect("JSON");
    let unknown =
        json!({ "Effect": "Allow", "Nobody": "*", "Principal": "*", "Action": "*", "Resource": "*" });
    let nobody = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let both = json!({
        "Effect": "Allow", "Principal": "*", "Action": "*", "NotAction": "lambda:*", "Resource": "*",
    });
    for bad in [
        json!("text"),
        json!({}),
        json!({ "Version": "2015-03-31", "Statement": [statement] }),
        json!({ "Version": "2012-10-17", "Statement": [nobody] }),
        json!({ "Version": "2012-10-17", "Statement": [both] }),
        json!({ "Version": "2012-10-17", "Statement": [] }),
        json!({ "Version": "2012-10-17", "Statement": [statement, statement] }),
        json!({ "Version": "2012-10-17", "Statement": [unknown] }),
    ] {
        let refused = ResourcePolicy::parse(&bad.to_string());
        assert!(matches!(refused, Err(PolicyError::Malformed { .. })), "{bad}");
    }
}

#[test]
fn a_policy_has_at_most_20480_bytes() {
    let mut policy = None;
    let refused = (0..1000).find_map(|number| {
        match ResourcePolicy::with(policy.as_ref(), permission(&format!("statement-{number}"))) {
            Ok(longer) => {
                policy = Some(longer);
                None
            }
            Err(error) => Some(error),
        }
    });
    let Some(PolicyError::TooLong { bytes }) = refused else { panic!("{refused:?}") };
    let length = policy.expect("a policy").to_json().len();
    assert!(length <= POLICY_BYTES_MAX && bytes > POLICY_BYTES_MAX);
    let text = " ".repeat(POLICY_BYTES_MAX + 1);
    assert_eq!(ResourcePolicy::parse(&text), Err(PolicyError::TooLong { bytes: text.len() }));
}
