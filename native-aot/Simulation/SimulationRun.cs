using System.Diagnostics;
using System.Globalization;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Simulation;

/// <summary><c>lowlatency simulate</c>: runs seeds on some threads until one fails, and says what it saw.</summary>
internal sealed class SimulationRun(SimulationOptions options)
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly Stopwatch _time = Stopwatch.StartNew();
    private SimulationOutcome? _failed;
    private ulong _hash;
    private int _started = -1;
    private int _done;

    /// <returns>Exit code.</returns>
    internal int Run()
    {
        SimulatedHeap.Keep();
        var threads = new Thread[Math.Min(options.Jobs, options.Seeds)];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(RunSeeds) { Name = $"simulate-{i}" };
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            thread.Join();
        PrintCounts();
        if (_failed != null)
        {
            Print(_failed);
            return ExitCode.ProofFailed;
        }
        Terminal.Error.Line($"{Quantity.Count(_done, "seed")} of {Quantity.Count(options.Steps, "step")} in {_time.Elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s, {Quantity.Rate(_done, _time.Elapsed)}");
        Console.Out.WriteLine($"{_done} passed, 0 failed");
        Console.Out.WriteLine($"state hash 0x{_hash:x16}");
        return ExitCode.Done;
    }

    private void RunSeeds()
    {
        while (Volatile.Read(ref _failed) == null)
        {
            int index = Interlocked.Increment(ref _started);
            if (index >= options.Seeds)
                return;
            SimulationOutcome outcome = SimulationOutcome.Of(options with { Seed = options.Seed + (ulong)index, Seeds = 1 });
            lock (_lock)
                Add(outcome);
        }
    }

    private void Add(SimulationOutcome outcome)
    {
        if (outcome.Failure != null)
        {
            // Of those that fail at the same time the first: so that one run says what another says.
            if (_failed == null || outcome.Options.Seed < _failed.Options.Seed)
                Volatile.Write(ref _failed, outcome);
            return;
        }
        _done++;
        // In whichever order they end: a sum.
        var hash = new SimulationHash();
        hash.Add(outcome.Options.Seed);
        hash.Add(outcome.Hash);
        _hash += hash.Value;
        foreach ((string what, long count) in outcome.Counts)
            _counts[what] = _counts.GetValueOrDefault(what) + count;
        if (Terminal.Error.ShowsProgress && _done % 16 == 0)
            Terminal.Error.Progress($"{Quantity.Count(_done)} of {Quantity.Count(options.Seeds, "seed")}, {Quantity.Rate(_done, _time.Elapsed)}");
    }

    private void PrintCounts()
    {
        var table = new TextTable("what happened", "times");
        foreach ((string what, long count) in _counts)
            table.Add(what, Quantity.Count(count));
        Console.Out.WriteLine(table.Format());
    }

    private void Print(SimulationOutcome failed)
    {
        TextWriter to = Console.Out;
        to.WriteLine($"Seed {failed.Options.Seed} failed at step {failed.Failure!.Step}:");
        PrintFailure(to, failed.Failure);
        to.WriteLine($"Again: {failed.Options.CommandLine}");
        Terminal.Error.Line("Looking for a shorter run that fails...");
        SimulationOutcome shrunk = SimulationShrinker.Shrink(failed);
        to.WriteLine($"Shrunk, it fails at step {shrunk.Failure!.Step}:");
        PrintFailure(to, shrunk.Failure);
        to.WriteLine($"{_done} passed, 1 failed");
        to.WriteLine($"Again: {shrunk.Options.CommandLine}");
    }

    private static void PrintFailure(TextWriter to, SimulationFailure failure)
    {
        foreach (string operation in failure.Operations)
            to.WriteLine("  " + operation);
        to.WriteLine(failure.Error is SimulationException ? failure.Error.Message : failure.Error.ToString());
    }
}
