using System.Diagnostics;
using LowLatency.Bench.Floors;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Brokers;

/// <summary>Where the server's program is, and how it is started.</summary>
/// <param name="FileName">The AOT binary, or the assembly that runs on the runtime.</param>
internal sealed record ServerProgram(string FileName)
{
    private const string HowToBuild = "run `dotnet publish native-aot -c Release -o artifacts`, or `dotnet build native-aot -c Release`, or name it with --server";

    /// <summary><c>aot</c> or <c>jit</c>.</summary>
    internal string Kind => IsAssembly ? "jit" : "aot";

    private bool IsAssembly => FileName.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);

    /// <param name="chosen">What the user asked for; null to look for it.</param>
    /// <exception cref="BenchException">It is not built.</exception>
    internal static ServerProgram Find(string? chosen)
    {
        if (chosen is not null)
            return File.Exists(chosen) ? new ServerProgram(Path.GetFullPath(chosen)) : throw new BenchException($"there is no server program {chosen}");
        string root = RepositoryRoot();
        string binary = Path.Combine(root, "artifacts", "lowlatency");
        if (File.Exists(binary))
            return new ServerProgram(binary);
        string output = Path.Combine(root, "native-aot", "bin", "Release");
        string? assembly = !Directory.Exists(output) ? null : Directory
            .EnumerateFiles(output, "lowlatency.dll", SearchOption.AllDirectories)
            .Where(p => File.Exists(Path.ChangeExtension(p, ".runtimeconfig.json")))
            .MaxBy(File.GetLastWriteTimeUtc);
        return new ServerProgram(assembly ?? throw new BenchException($"the server is not built: {HowToBuild}"));
    }

    internal ProcessStartInfo StartInfo(params string[] arguments)
    {
        var start = new ProcessStartInfo(IsAssembly ? EchoProcess.DotnetHost() : FileName)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        if (IsAssembly)
            start.ArgumentList.Add(FileName);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }

    private static string RepositoryRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LowLatency.sln")))
                return folder.FullName;
        }
        return Directory.GetCurrentDirectory();
    }
}
