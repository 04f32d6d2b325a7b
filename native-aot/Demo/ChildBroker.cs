using System.Diagnostics;
using System.Globalization;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Demo;

/// <summary>A broker in a process of its own: this program with <c>serve</c>.</summary>
/// <remarks>
/// The child holds the read end of a pipe on its standard input and stops when that ends: it cannot outlive this
/// process, however this process ends. One thread starts, kills and stops it.
/// </remarks>
internal sealed class ChildBroker : IDisposable
{
    private const int TimeoutMs = 10_000;
    private const string ListeningWord = "listening ";

    private readonly Process _process;
    private readonly Thread _output;
    private readonly Thread _error;
    private readonly List<string> _lines = [];

    private ChildBroker(Process process, string address)
    {
        _process = process;
        Address = address;
        _output = Collect(process.StandardOutput);
        _error = Collect(process.StandardError);
    }

    /// <summary>Where it listens, with its real port.</summary>
    internal string Address { get; }

    internal int ProcessId => _process.Id;

    /// <summary>Starts a broker and waits until it listens.</summary>
    /// <param name="folder">Data folder.</param>
    /// <param name="address">Address to listen on; port 0 lets the system choose.</param>
    /// <exception cref="CliException">It ended, or did not listen in time; with what it said.</exception>
    /// <param name="options">More options for <c>serve</c>.</param>
    /// <param name="program">Program to run, an executable or a <c>.dll</c>; null for this one.</param>
    internal static ChildBroker Start(string folder, string address, ReadOnlySpan<string> options = default, string? program = null)
    {
        Process process = Launch(folder, address, options, program);
        var said = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            said.Add(line);
            if (line.StartsWith(ListeningWord, StringComparison.Ordinal))
                return new ChildBroker(process, line[ListeningWord.Length..].Trim());
        }
        process.WaitForExit();
        string error = process.StandardError.ReadToEnd();
        using (process)
            throw new CliException(ExitCode.Unreachable, $"The broker ended with code {process.ExitCode} before it listened. {error.Trim()} {string.Join(' ', said)}".Trim());
    }

    /// <summary>Starts a broker without waiting until it listens: it may be killed while it recovers.</summary>
    internal static ChildBroker StartUnready(string folder, string address, ReadOnlySpan<string> options = default, string? program = null) =>
        new(Launch(folder, address, options, program), address);

    private static Process Launch(string folder, string address, ReadOnlySpan<string> options, string? program)
    {
        ProcessStartInfo start = StartOf(program);
        foreach (string argument in (ReadOnlySpan<string>)["serve", "--data", folder, "--listen", address, "--stats", "--stop-with-input", .. options])
            start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new CliException(ExitCode.Bug, "The broker's process could not be started.");
    }

    /// <summary>Whether it has written a line with that text since it listens.</summary>
    internal bool HasSaid(string text)
    {
        lock (_lines)
            return _lines.Exists(line => line.Contains(text, StringComparison.Ordinal));
    }

    /// <summary>SIGKILL: no handler runs, nothing is flushed. Returns when the process is gone.</summary>
    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Ends it politely.</summary>
    /// <returns>Its exit code and the last lines that it wrote.</returns>
    internal (int ExitCode, IReadOnlyList<string> Lines) Stop()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeoutMs))
        {
            Kill();
            throw new CliException(ExitCode.Refused, string.Create(CultureInfo.InvariantCulture, $"The broker did not stop within {TimeoutMs / 1000} s."));
        }
        _output.Join();
        _error.Join();
        lock (_lines)
            return (_process.ExitCode, [.. _lines]);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private static ProcessStartInfo StartOf(string? program)
    {
        string self = Environment.ProcessPath ?? throw new CliException(ExitCode.Bug, "The path of this program is not known.");
        // Started as `dotnet lowlatency.dll`, the process is the runtime's host and wants to be told the program.
        bool isHost = Path.GetFileNameWithoutExtension(self).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        string? library = program == null ? isHost ? Path.Combine(AppContext.BaseDirectory, "lowlatency.dll") : null
            : program.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? program : null;
        var start = new ProcessStartInfo(library != null ? isHost ? self : "dotnet" : program ?? self)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        if (library != null)
            start.ArgumentList.Add(library);
        return start;
    }

    /// <summary>Reads on so that the child never blocks on a full pipe.</summary>
    private Thread Collect(StreamReader reader)
    {
        var thread = new Thread(() => CollectLines(reader)) { IsBackground = true, Name = "broker-output" };
        thread.Start();
        return thread;
    }

    private void CollectLines(StreamReader reader)
    {
        while (reader.ReadLine() is { } line)
        {
            lock (_lines)
                _lines.Add(line);
        }
    }
}
