// How the tests speak with a program beside them: one JSON value a line, a question in, an answer out, in order.
// The end of standard input ends the program, so that nothing outlives a test.
import { createInterface } from 'node:readline';

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

// `begin(settings)` gets the first line, and resolves with what is told as `ready` and with the commands by name.
export async function serve(begin) {
  let commands;
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    try {
      if (commands) {
        say({ ok: (await commands[question.do](question)) ?? null });
      } else {
        const { ready, ...rest } = await begin(question);
        commands = rest.commands;
        say({ ok: ready });
      }
    } catch (error) {
      say({ error: error.stack ?? String(error) });
    }
  }
  process.exit(0);
}
