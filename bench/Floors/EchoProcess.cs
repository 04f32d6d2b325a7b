using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace LowLatency.Bench.Floors;

/// <summary>The other end of a ping-pong: this program again, in a process of its own, as <c>echo</c>.</summary>
internal sealed class EchoProcess : IDisposable
{
    private readonly Process _process;

    private EchoProcess(Process process, int port)
    {
        _process = process;
        Port = port;
    }

    /// <summary>Loopback port that it accepts one connection on.</summary>
    internal int Port { get; }

    internal static EchoProcess Start(int length, bool spin)
    {
        // The runtime's own host, not the file this process started from: in a test that is the test runner.
        var start = new ProcessStartInfo(DotnetHost())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(typeof(EchoProcess).Assembly.Location);
        start.ArgumentList.Add("echo");
        start.ArgumentList.Add("--size");
        start.ArgumentList.Add(length.ToString(CultureInfo.InvariantCulture));
        if (spin)
            start.ArgumentList.Add("--spin");
        Process process = Process.Start(start) ?? throw new InvalidOperationException("the echo process did not start");
        string? port = process.StandardOutput.ReadLine();
        if (port is null)
        {
            process.WaitForExit();
            throw new InvalidOperationException($"the echo process ended with exit code {process.ExitCode}");
        }
        return new EchoProcess(process, int.Parse(port, CultureInfo.InvariantCulture));
    }

    internal static string DotnetHost()
    {
        string runtime = RuntimeEnvironment.GetRuntimeDirectory(); // .../shared/Microsoft.NETCore.App/10.0.0/
        string host = Path.GetFullPath(Path.Combine(runtime, "..", "..", "..", "dotnet"));
        return File.Exists(host) ? host : "dotnet";
    }

    /// <summary>Ends the process: it leaves when its connection closes, and is killed when it does not.</summary>
    public void Dispose()
    {
        if (!_process.WaitForExit(2_000))
            _process.Kill();
        _process.Dispose();
    }
}
