/** `holdfast dashboard`: serves the page until it is interrupted. */
import { Dashboard } from '../dashboard/server.ts';
import { operatorName } from './client.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** @throws {HoldfastError} PORT_IN_USE; DAEMON_UNREACHABLE when no daemon answers at the beginning. */
export async function dashboard(
  context: CommandContext,
  { port }: { readonly port: number },
): Promise<ExitCode> {
  const { client } = context;
  // Said here and at once, and not only in a page that stays empty.
  const { clusterId, answeredBy } = await client.get('/v1/status');
  const operator = encodeURIComponent(operatorName());
  const page = new Dashboard({ socketPath: client.socketPath, port, operator });
  const link = await page.start();
  if (context.json) context.printJson({ link });
  else {
    context.print([
      `the dashboard of ${clusterId}, as ${answeredBy} sees it: open this link in a browser`,
      link,
      'the link is a key: whoever has it can do what you can; Ctrl-C ends it',
    ]);
  }
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await page.stop();
  return EXIT.ok;
}
