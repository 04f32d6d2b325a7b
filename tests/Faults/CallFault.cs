using System.Globalization;
using System.Text.RegularExpressions;

namespace LowLatency.Tests.Faults;

/// <summary>A system call to fail: the so-manieth of a name, of each thread.</summary>
/// <param name="Call">Name of the call.</param>
/// <param name="Number">From 1.</param>
/// <param name="Error">Name of the error.</param>
/// <param name="OnExisting">With a journal that is there, after a kill; else a new one.</param>
internal sealed partial record CallFault(string Call, int Number, string Error, bool OnExisting)
{
    /// <summary>All that the journal calls. mmap and madvise are left to the runtime: it uses them for itself all the time.</summary>
    internal const string Calls = "openat,fallocate,fsync,fdatasync,msync,pwritev2,pwrite64,pread64,rename,unlink,ftruncate,sync_file_range,flock,fstatfs,getdents64,mkdir";

    internal string Injection => string.Create(CultureInfo.InvariantCulture, $"{Call}:error={Error}:when={Number}");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Call} number {Number} of each thread fails with {Error}, {(OnExisting ? "on a journal after a kill" : "on a new journal")}");

    /// <summary>The calls in a trace that concern the data folder: its names, or files in it.</summary>
    internal static SortedSet<(string Call, int Number)> Find(string log, string data)
    {
        var found = new SortedSet<(string, int)>();
        var counts = new Dictionary<(string Thread, string Call), int>();
        foreach (string line in File.ReadLines(log))
        {
            Match match = CallLine().Match(line);
            if (!match.Success)
                continue;
            (string, string) key = (match.Groups["thread"].Value, match.Groups["call"].Value);
            int number = counts[key] = counts.GetValueOrDefault(key) + 1;
            // msync names no file, and nobody else calls it.
            if (key.Item2 == "msync" || line.Contains(data, StringComparison.Ordinal))
                found.Add((key.Item2, number));
        }
        return found;
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<call>[a-z0-9_]+)\(")]
    private static partial Regex CallLine();
}
