/** The plugin's entry: the command `openclaw vitals`, and what runs inside a gateway. */
import { commandIndex } from "./command.ts";
import { PLUGIN_ID } from "./enabled.ts";
import { type GatewayService, samplerService } from "./gateway-service.ts";
import { healService } from "./heal-service.ts";

const DESCRIPTION = "Vital signs of this OpenClaw: stale session locks and more, with repairs that can be undone";

/** The part of the host's command builder (commander) that is used. */
interface CommandBuilder {
  command(name: string): CommandBuilder;
  description(text: string): CommandBuilder;
  allowUnknownOption(): CommandBuilder;
  allowExcessArguments(): CommandBuilder;
  helpOption(flag: false): CommandBuilder;
  argument(name: string, description: string): CommandBuilder;
  action(run: () => Promise<void>): CommandBuilder;
}

interface PluginApi {
  registerCli(
    register: (context: { readonly program: CommandBuilder }) => void,
    options: { readonly descriptors: readonly { name: string; description: string; hasSubcommands: boolean }[] },
  ): void;
  /** The host starts a service in a gateway only, and stops it with the gateway or when the plugin is disabled. */
  registerService?(service: GatewayService): void;
  readonly runtime?: { readonly version?: unknown };
}

const plugin = {
  id: PLUGIN_ID,
  name: "Vitals",
  description: DESCRIPTION,
  register(api: PluginApi): void {
    api.registerCli(
      ({ program }) => {
        program
          .command(PLUGIN_ID)
          .description(DESCRIPTION)
          .allowUnknownOption()
          .allowExcessArguments()
          .helpOption(false)
          .argument("[args...]", "as of openclaw-vitals; see openclaw vitals --help")
          .action(async () => {
            const { runProcess } = await import("../cli/main.ts");
            await runProcess(argumentsAfterCommand(process.argv));
          });
      },
      { descriptors: [{ name: PLUGIN_ID, description: DESCRIPTION, hasSubcommands: true }] },
    );
    api.registerService?.(samplerService(() => hostVersion(api)));
    api.registerService?.(healService({ hostVersion: () => hostVersion(api) }));
  },
};

export default plugin;

function hostVersion({ runtime }: PluginApi): string | null {
  return typeof runtime?.version === "string" ? runtime.version : null;
}

/** Our own flags, untouched by the host's parser. */
export function argumentsAfterCommand(argv: readonly string[]): string[] {
  // A profile may have the name of the command: `openclaw --profile vitals vitals`.
  const index = argv.indexOf(PLUGIN_ID, commandIndex(argv));
  return index < 0 ? [] : argv.slice(index + 1);
}
