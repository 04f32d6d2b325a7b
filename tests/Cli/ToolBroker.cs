using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary>A broker as a process, with its data in a folder of its own that goes with it.</summary>
public sealed class ToolBroker : IDisposable
{
    internal const int SigInt = 2;
    internal const int SigTerm = 15;

    private readonly string _parent = Directory.CreateTempSubdirectory("lowlatency-cli-").FullName;
    private readonly string[] _arguments;
    private readonly (string Variable, string Value) _environment;

    /// <summary>A broker with the default settings, for the tests of a class.</summary>
    public ToolBroker()
        : this([])
    {
    }

    internal ToolBroker(string[] arguments, (string Variable, string Value)? environment = null)
    {
        _arguments = arguments;
        _environment = environment ?? ("LOWLATENCY_TEST", "1"); // Nothing looks at that.
        Tool = Start("tcp://127.0.0.1:0");
    }

    internal Tool Tool { get; private set; }

    internal string Folder => Path.Combine(_parent, "data");

    internal string Address { get; private set; } = "";

    /// <summary>SIGKILL, then a new process on the same folder and port.</summary>
    internal void KillAndRestart()
    {
        Tool.Kill();
        Tool.Dispose();
        Tool = Start(Address);
    }

    /// <summary>Starts again after it was stopped.</summary>
    internal void Restart()
    {
        Tool.Dispose();
        Tool = Start(Address);
    }

    /// <summary>Asks it to stop, and waits.</summary>
    /// <returns>Exit code.</returns>
    internal int Stop(int signal = SigTerm)
    {
        Tool.Signal(signal);
        Tool.WaitForExit();
        return Tool.ExitCode;
    }

    public void Dispose()
    {
        Tool.Dispose();
        Directory.Delete(_parent, recursive: true);
    }

    private Tool Start(string address)
    {
        Tool tool = Tool.StartWith(_environment.Variable, _environment.Value, ["serve", "--data", Folder, "--listen", address, .. _arguments]);
        tool.WaitUntil(() => tool.OutputText.Contains("\nlistening ", StringComparison.Ordinal) && tool.OutputText.EndsWith('\n'), "it listened");
        string line = tool.OutputText.Split('\n').Single(line => line.StartsWith("listening ", StringComparison.Ordinal));
        Address = line["listening ".Length..];
        Assert.StartsWith("tcp://127.0.0.1:", Address, StringComparison.Ordinal);
        return tool;
    }
}
