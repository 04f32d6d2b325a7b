namespace LowLatency.Bench.Cli;

/// <summary>The folder that journals and floor files go to: the user's, or one of our own that is removed at the end.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly bool _own;

    internal DataFolder(string? chosen)
    {
        _own = chosen is null;
        Name = Path.GetFullPath(chosen ?? Path.Combine(Path.GetTempPath(), $"lowlatency-bench-{Environment.ProcessId}"));
        Directory.CreateDirectory(Name);
    }

    internal string Name { get; }

    public void Dispose()
    {
        if (_own)
            Directory.Delete(Name, recursive: true);
    }
}
