using System.CommandLine;
using LowLatency.Server.Cli;
using LowLatency.Server.Simulation;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency simulate</c>: the broker beside a model of it.</summary>
internal static class SimulateCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency simulate --seed 7 --steps 2000
          lowlatency simulate --seeds 20000 --jobs 2

        It runs the real engine and the real journal on one thread, over a simulated disk and a simulated clock, with clients
        that do everything a client can do, right and wrong, and with kills, power cuts, full disks and failing syncs. Beside it
        runs a model of the broker as plain as can be. After every batch and every restart the two must agree. Everything comes
        from the seed: the same seed does the same and ends with the same state hash, always.
        When they disagree it prints what differs and the last operations, looks for a shorter run that fails too, and prints
        the command line that does it again; --without leaves kinds of action out.
        Exit code 0: they agree. 8: they do not.
        """;

    internal static Command Create(TeachingHelp help)
    {
        Option<long> seed = Parsers.OptionalNumber("--seed", "Seed of the first run; without it 1.", 0, long.MaxValue);
        Setting<long> steps = Parsers.Number("--steps", "Steps of each run.", SimulationOptions.DefaultSteps, 0, 10_000_000);
        Setting<long> seeds = Parsers.Number("--seeds", "Runs, each with the next seed.", 1, 1, 1_000_000_000);
        Setting<long> jobs = Parsers.Number("--jobs", "Threads.", Environment.ProcessorCount, 1, 1024);
        var without = new Option<SimulationActions>("--without")
        {
            Description = "Kinds of action to leave out, with commas between them, such as kill,cut-power.",
            HelpName = "actions",
            CustomParser = result =>
            {
                string text = result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;
                return SimulationActions.TryParse(text, out SimulationActions actions, out string unknown)
                    ? actions
                    : Parsers.Fail<SimulationActions>(result, $"--without names '{unknown}': write some of {SimulationActions.Everything}.");
            },
        };
        var command = new Command("simulate", "Runs the broker beside a model of it, through crashes, and says whether they agree.") { seed, steps, seeds, jobs, without };
        command.SetAction(parsed => new SimulationRun(new SimulationOptions
        {
            Seed = parsed.GetResult(seed) != null ? (ulong)parsed.GetValue(seed) : 1,
            Steps = (int)steps.Read(parsed),
            Seeds = (int)seeds.Read(parsed),
            Jobs = (int)jobs.Read(parsed),
            Disabled = parsed.GetResult(without) != null ? parsed.GetValue(without) : default,
        }).Run());
        help.Teach(command, Lesson);
        return command;
    }
}
