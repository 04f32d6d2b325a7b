using System.Diagnostics;

namespace LowLatency.Tests.Crash;

/// <summary>A broker in a process of its own, to be killed. The AOT binary where LOWLATENCY_BINARY names it, else the build beside the tests.</summary>
internal sealed class BrokerProcess : IDisposable
{
    private const string ListeningWord = "listening ";

    private readonly Process _process;

    private BrokerProcess(Process process, string address)
    {
        _process = process;
        Address = address;
    }

    internal string Address { get; }

    internal int Id => _process.Id;

    internal static BrokerProcess Start(string directory, string address, params string[] options)
    {
        ProcessStartInfo start = Program();
        foreach (string argument in (string[])["serve", "--data", directory, "--listen", address, .. options])
            start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        var said = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            said.Add(line);
            if (line.StartsWith(ListeningWord, StringComparison.Ordinal))
            {
                Drain(process.StandardOutput);
                Drain(process.StandardError);
                return new BrokerProcess(process, line[ListeningWord.Length..].Trim());
            }
        }
        process.WaitForExit();
        throw new InvalidOperationException($"The broker ended with code {process.ExitCode}: {string.Join('\n', said)} {process.StandardError.ReadToEnd()}");
    }

    /// <summary>Reads on, so that the broker never blocks on a full pipe.</summary>
    private static void Drain(StreamReader reader) =>
        new Thread(() =>
        {
            while (reader.ReadLine() != null)
            {
            }
        })
        { IsBackground = true }.Start();

    /// <summary>SIGKILL.</summary>
    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    internal static ProcessStartInfo Program()
    {
        string? binary = Environment.GetEnvironmentVariable("LOWLATENCY_BINARY");
        var start = new ProcessStartInfo(string.IsNullOrEmpty(binary) ? "dotnet" : binary)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (string.IsNullOrEmpty(binary))
            start.ArgumentList.Add(BuiltProgram());
        return start;
    }

    private static string BuiltProgram()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder != null && !File.Exists(Path.Combine(folder.FullName, "LowLatency.sln")))
            folder = folder.Parent;
        string bin = Path.Combine(folder!.FullName, "native-aot", "bin");
        return Directory.EnumerateFiles(bin, "lowlatency.dll", SearchOption.AllDirectories)
            .Where(static path => File.Exists(Path.ChangeExtension(path, ".runtimeconfig.json")))
            .MaxBy(File.GetLastWriteTimeUtc)!;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }
}
