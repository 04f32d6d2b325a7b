using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary>The program as a process: the one in <c>LOWLATENCY_BINARY</c>, or the one that was built with the tests.</summary>
internal sealed partial class Tool : IDisposable
{
    private const int DeadlineMs = 60_000;

    private readonly Process _process;
    private readonly Thread _outputReader;
    private readonly Thread _errorReader;
    private readonly MemoryStream _output = new();
    private readonly StringBuilder _error = new();

    private Tool(Process process, bool closeOutput = false)
    {
        _process = process;
        _outputReader = Start(closeOutput ? CloseOutput : ReadOutput);
        _errorReader = Start(ReadError);
    }

    /// <summary>Bytes written to standard output so far.</summary>
    internal long OutputLength
    {
        get
        {
            lock (_output)
                return _output.Length;
        }
    }

    internal byte[] Output
    {
        get
        {
            lock (_output)
                return _output.ToArray();
        }
    }

    internal string OutputText => Encoding.UTF8.GetString(Output);

    internal string Error
    {
        get
        {
            lock (_error)
                return _error.ToString();
        }
    }

    internal int ExitCode => _process.ExitCode;

    internal int ProcessId => _process.Id;

    internal bool HasExited => _process.HasExited;

    internal static Tool Start(params ReadOnlySpan<string> arguments) => new(Launch(arguments));

    /// <summary>Starts it with one environment variable set.</summary>
    internal static Tool StartWith(string variable, string value, params ReadOnlySpan<string> arguments) =>
        new(Launch(isPrivileged: true, arguments, (variable, value)));

    /// <summary>The program's path: an executable, or a <c>.dll</c> for the runtime's host.</summary>
    internal static string ProgramPath => Environment.GetEnvironmentVariable("LOWLATENCY_BINARY") is { Length: > 0 } binary ? binary : BuiltAssembly();

    private static Process Launch(ReadOnlySpan<string> arguments) => Launch(isPrivileged: true, arguments);

    private static Process Launch(bool isPrivileged, ReadOnlySpan<string> arguments, (string Variable, string Value)? environment = null)
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string? binary = Environment.GetEnvironmentVariable("LOWLATENCY_BINARY");
        string program = binary ?? Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        start.FileName = isPrivileged ? program : "setpriv";
        if (!isPrivileged)
            Array.ForEach(["--bounding-set", "-all", "--inh-caps", "-all", program], start.ArgumentList.Add);
        if (binary == null)
            start.ArgumentList.Add(BuiltAssembly());
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        if (environment is { } set)
            start.Environment[set.Variable] = set.Value;
        return Process.Start(start)!;
    }

    /// <summary>Runs to the end with the given input.</summary>
    internal static Tool Run(ReadOnlySpan<byte> input, params ReadOnlySpan<string> arguments)
    {
        Tool tool = Start(arguments);
        tool.Feed(input);
        tool.WaitForExit();
        return tool;
    }

    /// <summary>Runs to the end without the rights that root has over the files of others; what root owns it may still read.</summary>
    internal static Tool RunUnprivileged(params ReadOnlySpan<string> arguments)
    {
        var tool = new Tool(Launch(isPrivileged: false, arguments));
        tool.Feed([]);
        tool.WaitForExit();
        return tool;
    }

    /// <summary>Writes all of standard input and ends it. A program that ended before it read everything is no error here.</summary>
    internal void Feed(ReadOnlySpan<byte> input)
    {
        try
        {
            _process.StandardInput.BaseStream.Write(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // What it said and its exit code tell more.
        }
    }

    /// <summary>Writes a part of standard input.</summary>
    internal void Type(ReadOnlySpan<byte> input)
    {
        _process.StandardInput.BaseStream.Write(input);
        _process.StandardInput.BaseStream.Flush();
    }

    /// <summary>Starts it with a reader of its standard output that goes away after the first byte.</summary>
    internal static Tool StartWithClosedOutput(params ReadOnlySpan<string> arguments) => new(Launch(arguments), closeOutput: true);

    /// <summary>SIGKILL.</summary>
    internal void Kill()
    {
        _process.Kill();
        WaitForExit();
    }

    internal void Signal(int number) => Assert.Equal(0, SendSignal(_process.Id, number));

    internal void WaitForExit()
    {
        if (!_process.WaitForExit(DeadlineMs))
        {
            _process.Kill();
            Assert.Fail($"The program did not end. It said: {OutputText} {Error}");
        }
        _outputReader.Join();
        _errorReader.Join();
    }

    /// <summary>Waits until something is true; fails with what the program said when it ends, or takes too long, before.</summary>
    internal void WaitUntil(Func<bool> condition, string what)
    {
        long end = Environment.TickCount64 + DeadlineMs;
        while (!condition())
        {
            if (_process.HasExited && !condition())
                Assert.Fail($"The program ended before {what}. It said: {OutputText} {Error}");
            Assert.True(Environment.TickCount64 < end, $"Not in time: {what}. The program said: {OutputText} {Error}");
            Thread.Yield();
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private static string BuiltAssembly()
    {
        // tests/bin/CONFIGURATION/FRAMEWORK/
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        string configuration = here.Parent!.Name;
        DirectoryInfo root = here;
        while (!File.Exists(Path.Combine(root.FullName, "LowLatency.sln")))
            root = root.Parent ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        string folder = Path.Combine(root.FullName, "native-aot", "bin", configuration);
        return Directory.EnumerateFiles(folder, "lowlatency.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
    }

    private static Thread Start(ThreadStart body)
    {
        var thread = new Thread(body) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void ReadOutput()
    {
        byte[] buffer = new byte[65_536];
        int read;
        while ((read = _process.StandardOutput.BaseStream.Read(buffer)) > 0)
        {
            lock (_output)
                _output.Write(buffer, 0, read);
        }
    }

    private void CloseOutput()
    {
        _process.StandardOutput.BaseStream.ReadByte();
        _process.StandardOutput.Close();
    }

    private void ReadError()
    {
        while (_process.StandardError.ReadLine() is { } line)
        {
            lock (_error)
                _error.AppendLine(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
