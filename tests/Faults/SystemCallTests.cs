using System.Collections.Concurrent;
using LowLatency.Client;
using LowLatency.Server.Cli;
using LowLatency.Server.Demo;
using LowLatency.Tests.Cli;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>Each system call of a scripted run of a real broker failed, one at a time, with EIO and with ENOSPC.</summary>
public sealed class SystemCallTests(ITestOutputHelper output)
{
    private static readonly string[] Errors = ["EIO", "ENOSPC"];

    [Fact]
    public void ShouldPromiseNothingFalseWhicheverCallFails()
    {
        using var folder = new TemporaryFolder();
        string existing = folder.File("existing");
        List<CallFault> faults = [];
        foreach (bool onExisting in (bool[])[false, true])
        {
            string data = folder.File($"sound-{onExisting}");
            if (onExisting)
                Copy(existing, data);
            string log = folder.File("calls");
            SystemCallOutcome sound = SystemCallScript.Run(CallFault.Calls, log, null, data);
            Assert.True(sound.ExitCode == 0 && sound.Confirmed.Count + sound.Acked.Count == SystemCallScript.Messages, $"without a fault: {sound}");
            faults.AddRange(CallFault.Find(log, data).SelectMany(call => Errors.Select(error => new CallFault(call.Call, call.Number, error, onExisting))));
            if (!onExisting)
                MakeExisting(existing);
        }
        var outcomes = new ConcurrentBag<(CallFault Fault, SystemCallOutcome Outcome)>();
        var failures = new ConcurrentBag<string>();
        // All of them, so that one run shows everything.
        long done = FaultSettings.ForEach(nameof(SystemCallTests), 0, faults.Count, () => new TemporaryFolder(), (work, point) =>
        {
            try
            {
                outcomes.Add((faults[(int)point], Run(work, existing, faults[(int)point])));
            }
            catch (Xunit.Sdk.XunitException error)
            {
                failures.Add($"{error.Message}\n{FaultSettings.Again(nameof(SystemCallTests), 0, point)}");
            }
        });
        foreach (IGrouping<string, (CallFault Fault, SystemCallOutcome Outcome)> call in outcomes.GroupBy(outcome => outcome.Fault.Call).OrderBy(call => call.Key, StringComparer.Ordinal))
        {
            string codes = string.Join(", ", call.GroupBy(outcome => outcome.Outcome.ExitCode).OrderBy(group => group.Key).Select(group => $"{group.Count()} × exit {group.Key}"));
            output.WriteLine($"{call.Key}: {call.Count()} failed: {codes}");
        }
        Assert.True(failures.IsEmpty, $"{failures.Count} of {done} runs failed:\n{string.Join('\n', failures)}");
        output.WriteLine($"{done} runs of {faults.Count} points; {outcomes.Sum(outcome => outcome.Outcome.Confirmed.Count)} messages confirmed, all there after the restart");
        Assert.True(faults.Count > 60, $"only {faults.Count} calls were found");
    }

    private static SystemCallOutcome Run(TemporaryFolder work, string existing, CallFault fault)
    {
        string data = work.File(Guid.NewGuid().ToString("N"));
        if (fault.OnExisting)
            Copy(existing, data);
        // Only this call is traced: the others are not slowed down.
        SystemCallOutcome outcome = SystemCallScript.Run(fault.Call, "/dev/null", fault.Injection, data);
        Assert.True(outcome.ExitCode is 0 or (>= ExitCode.FolderMissing and <= ExitCode.NotInTime and not ExitCode.JournalNewer) or ExitCode.InputOrOutput, $"{fault}: ended with {outcome}");
        if (outcome.ExitCode != 0)
        {
            bool isNamed = outcome.Error.Contains("Input/output error", StringComparison.Ordinal) || outcome.Error.Contains("No space left", StringComparison.Ordinal) ||
                outcome.Error.Contains("errno", StringComparison.Ordinal) || outcome.Error.Contains("space", StringComparison.Ordinal) || outcome.Error.Contains("permission", StringComparison.Ordinal);
            Assert.True(isNamed, $"{fault}: the message does not name the failure: {outcome}");
        }
        try
        {
            SystemCallScript.CheckKept(data, outcome.Confirmed);
        }
        catch (Exception error) when (error is CliException or LowLatencyException)
        {
            Assert.Fail($"{fault}: the start without the fault failed: {error.Message}; with it: {outcome}");
        }
        catch (Xunit.Sdk.XunitException error)
        {
            Assert.Fail($"{fault}: {error.Message}; it ended with {outcome}");
        }
        if (Directory.Exists(data))
            Directory.Delete(data, recursive: true);
        return outcome;
    }

    /// <summary>A journal that was killed.</summary>
    private static void MakeExisting(string data)
    {
        using ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", ["--segment-size", "1MiB", "--min-free-disk", "1MiB"], Tool.ProgramPath);
        using (Connection connection = Connection.Connect(broker.Address))
        {
            connection.DeclareQueue(SystemCallScript.Queue);
        }
        broker.Kill();
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
