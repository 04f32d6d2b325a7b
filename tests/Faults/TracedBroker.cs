using System.Diagnostics;
using System.Text;
using LowLatency.Tests.Cli;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>A broker under strace, which notes its system calls, or has one of them fail.</summary>
internal sealed class TracedBroker : IDisposable
{
    private const string ListeningWord = "listening ";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _error;
    private readonly StringBuilder _output = new();

    /// <summary>Starts one, and waits until it listens or has ended.</summary>
    /// <param name="calls">What to trace, in strace's words.</param>
    /// <param name="log">File for the calls.</param>
    /// <param name="inject">What to fail; null for nothing.</param>
    /// <param name="data">Data folder.</param>
    internal TracedBroker(string calls, string log, string? inject, string data)
    {
        // With a filter in the kernel all other calls run at full speed.
        string[] trace = ["-f", "-qq", "--seccomp-bpf", "-y", "-s", "256", "-o", log, "-e", $"trace={calls}", "-e", "signal=none"];
        string[] broker = ["serve", "--data", data, "--listen", "tcp://127.0.0.1:0", "--stop-with-input", "--segment-size", "1MiB", "--min-free-disk", "1MiB", "--stop-timeout", "5"];
        string program = Tool.ProgramPath;
        string[] command = program.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", program] : [program];
        var start = new ProcessStartInfo("strace", [.. trace, .. inject == null ? Array.Empty<string>() : ["-e", $"inject={inject}"], .. command, .. broker])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            _process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new InvalidOperationException("strace cannot be started: install it ('apt-get install strace').", error);
        }
        _error = _process.StandardError.ReadToEndAsync();
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            _output.AppendLine(line);
            if (!line.StartsWith(ListeningWord, StringComparison.Ordinal))
                continue;
            Address = line[ListeningWord.Length..].Trim();
            break;
        }
    }

    /// <summary>Null where it ended before it listened.</summary>
    internal string? Address { get; }

    internal bool HasExited => _process.HasExited;

    /// <summary>What it wrote to standard error. After <see cref="Stop"/>.</summary>
    internal string Error => _error.Result;

    /// <summary>Asks it to stop, and waits.</summary>
    /// <returns>Its exit code; above 128 it died by a signal.</returns>
    internal int Stop()
    {
        _process.StandardInput.Close();
        Task<string> rest = _process.StandardOutput.ReadToEndAsync();
        if (!_process.WaitForExit(Patience))
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            Assert.Fail($"It did not stop within {Patience.TotalSeconds} s. It said: {_output} {Error}");
        }
        _output.Append(rest.Result);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        _process.Dispose();
    }
}
