// The whole way of a function in the JavaScript SDK: deployed, published, a canary, promoted, rolled back.
//
//     NODE_PATH=target/aws-sdk-javascript/node_modules node tests/clients/javascript/deploy.js ENDPOINT GUESTS

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const {
    LambdaClient,
    CreateAliasCommand,
    CreateFunctionCommand,
    DeleteFunctionCommand,
    GetFunctionCommand,
    InvokeCommand,
    PublishVersionCommand,
    ResourceConflictException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UpdateAliasCommand,
    UpdateFunctionCodeCommand,
    paginateListAliases,
    paginateListFunctions,
    paginateListVersionsByFunction,
    waitUntilFunctionActiveV2,
    waitUntilFunctionUpdatedV2,
} = require("@aws-sdk/client-lambda");

const [endpoint, guests] = process.argv.slice(2);
const client = new LambdaClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "dummy", secretAccessKey: "dummy" },
    maxAttempts: 1,
});
const ARN = "arn:aws:lambda:us-east-1:000000000000:function:greet";
const FunctionName = "greet";
const guest = (name) => readFileSync(`${guests}/${name}.wasm`);
const text = (bytes) => Buffer.from(bytes).toString();

async function invoke(qualifier, event) {
    const answer = await client.send(
        new InvokeCommand({ FunctionName, Qualifier: qualifier, Payload: JSON.stringify(event), LogType: "Tail" }),
    );
    assert.equal(answer.StatusCode, 200);
    assert.match(Buffer.from(answer.LogResult, "base64").toString(), /^START RequestId: .*\n/);
    return [answer.ExecutedVersion, JSON.parse(text(answer.Payload))];
}

async function deploy() {
    const created = await client.send(
        new CreateFunctionCommand({
            FunctionName,
            Runtime: "provided.al2023",
            Role: "arn:aws:iam::000000000000:role/any",
            Handler: "bootstrap",
            Code: { ZipFile: guest("hello") },
            Environment: { Variables: { STAGE: "test" } },
            Tags: { team: "tea" },
        }),
    );
    assert.equal(created.FunctionArn, ARN);
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName });
    const shown = await client.send(new GetFunctionCommand({ FunctionName }));
    assert.deepEqual(shown.Tags, { team: "tea" });
    assert.deepEqual(shown.Configuration.Environment, { Variables: { STAGE: "test" } });
    const first = await client.send(new PublishVersionCommand({ FunctionName, Description: "the first" }));
    assert.equal(first.Version, "1");
    const live = await client.send(new CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: "1" }));
    assert.equal(live.AliasArn, `${ARN}:live`);
    assert.deepEqual(await invoke("live", { name: "Ada" }), ["1", { message: "Hello, Ada!" }]);
}

async function canary() {
    await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: guest("echo") }));
    await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 60 }, { FunctionName });
    const second = await client.send(new PublishVersionCommand({ FunctionName }));
    assert.equal(second.Version, "2");
    const RoutingConfig = { AdditionalVersionWeights: { 2: 0.5 } };
    const alias = await client.send(new UpdateAliasCommand({ FunctionName, Name: "live", RoutingConfig }));
    assert.deepEqual(alias.RoutingConfig, RoutingConfig);
    const calls = await Promise.all(Array.from({ length: 64 }, () => invoke("live", { name: "Ada" })));
    const answers = new Set(calls.map(([version, answer]) => `${version}: ${JSON.stringify(answer)}`));
    // That all go to one version happens once in 2^63 runs.
    assert.deepEqual([...answers].sort(), ['1: {"message":"Hello, Ada!"}', '2: {"name":"Ada"}']);
}

async function promoteAndRollBack() {
    const move = async (FunctionVersion, expected) => {
        const RoutingConfig = { AdditionalVersionWeights: {} };
        const alias = await client.send(
            new UpdateAliasCommand({ FunctionName, Name: "live", FunctionVersion, RoutingConfig }),
        );
        assert.equal(alias.RoutingConfig, undefined);
        assert.deepEqual(await invoke("live", { name: "Ada" }), [FunctionVersion, expected]);
    };
    await move("2", { name: "Ada" });
    await move("1", { message: "Hello, Ada!" });
}

async function listed() {
    const all = async (pages, key) => {
        const items = [];
        for await (const page of pages) items.push(...page[key]);
        return items;
    };
    // The paginators write their markers into what they are given.
    const request = () => [{ client, pageSize: 1 }, { FunctionName }];
    const versions = await all(paginateListVersionsByFunction(...request()), "Versions");
    assert.deepEqual(versions.map((version) => version.Version), ["$LATEST", "1", "2"]);
    const aliases = await all(paginateListAliases(...request()), "Aliases");
    assert.deepEqual(aliases.map((alias) => alias.Name), ["live"]);
    const functions = await all(paginateListFunctions({ client }, {}), "Functions");
    assert.deepEqual(functions.map((each) => each.FunctionName), [FunctionName]);
}

async function errors() {
    const again = new PublishVersionCommand({ FunctionName, RevisionId: "00000000-0000-4000-8000-000000000000" });
    await assert.rejects(client.send(again), { name: "PreconditionFailedException" });
    const deleted = new DeleteFunctionCommand({ FunctionName, Qualifier: "1" });
    await assert.rejects(client.send(deleted), (error) => error instanceof ResourceConflictException);
    await client.send(new DeleteFunctionCommand({ FunctionName }));
    await assert.rejects(client.send(new GetFunctionCommand({ FunctionName })), (error) => {
        assert(error instanceof ResourceNotFoundException && !(error instanceof TooManyRequestsException));
        assert.equal(error.message, `Function not found: ${ARN}`);
        assert.equal(error.Type, "User");
        return true;
    });
}

async function main() {
    await deploy();
    await canary();
    await promoteAndRollBack();
    await listed();
    await errors();
    console.log("JavaScript: all as on AWS");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
