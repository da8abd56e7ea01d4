// Greets whom the event names, and the world when it names nobody; what it is asked to echo, it echoes.

let greeting;

// Called once for each instance, before its first event.
export const lifecycle = {
  init() {
    greeting = "Hello";
  },
};

export const handler = {
  handle(event, context) {
    try {
      const answer = answerTo(JSON.parse(new TextDecoder().decode(event)));
      console.log(`${context.invokedFunctionArn} answers`);
      return new TextEncoder().encode(JSON.stringify(answer));
    } catch (error) {
      // Thrown as a record of the contract, it is the function's error; thrown as it is, it would end the instance.
      throw functionError(error);
    }
  },
};

function answerTo({ echo, name = "World" }) {
  if (echo !== undefined) {
    return echo;
  }
  if (typeof name !== "string") {
    throw new TypeError(`cannot greet ${JSON.stringify(name)}`);
  }
  return { message: `${greeting}, ${name}!` };
}

function functionError({ name, message, stack }) {
  return { errorType: name, errorMessage: message, stackTrace: stack.split("\n").filter(Boolean) };
}
