using System.Globalization;

namespace LowLatency.Bench.Machine;

/// <summary>What the kernel counted for one process until now, from <c>/proc/PID</c>. Zero where that is not there.</summary>
internal readonly record struct ProcessCounters(
    long VoluntarySwitches,
    long InvoluntarySwitches,
    long MinorFaults,
    long MajorFaults,
    double CpuSeconds)
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that .NET runs on.

    /// <summary>Reads the counters of a process, all its threads together. 0 means this process.</summary>
    internal static ProcessCounters Read(int processId)
    {
        string root = processId == 0 ? "/proc/self" : $"/proc/{processId}";
        if (!Directory.Exists(root + "/task"))
            return default;
        long voluntary = 0;
        long involuntary = 0;
        foreach (string task in Directory.GetDirectories(root + "/task"))
        {
            // A thread that ends between the listing and the reading is left out.
            voluntary += ReadStatusField(task + "/status", "voluntary_ctxt_switches:") ?? 0;
            involuntary += ReadStatusField(task + "/status", "nonvoluntary_ctxt_switches:") ?? 0;
        }
        string stat = File.ReadAllText(root + "/stat");
        // The command name is in parentheses and may contain anything; fields are counted from behind it.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return new ProcessCounters(voluntary, involuntary, Number(fields[7]), Number(fields[9]),
            (Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
    }

    /// <summary>Anonymous resident memory of a process in bytes, or null where the kernel does not tell.</summary>
    internal static long? ReadAnonymousBytes(int processId)
        => ReadStatusField($"/proc/{processId}/status", "RssAnon:") * 1024;

    /// <summary>Files mapped and resident in a process in bytes, or null where the kernel does not tell.</summary>
    internal static long? ReadFileBytes(int processId)
        => ReadStatusField($"/proc/{processId}/status", "RssFile:") * 1024;

    /// <summary>Bytes that a process had read from the disk, or null where the kernel does not tell.</summary>
    internal static long? ReadBytesRead(int processId)
        => ReadStatusField($"/proc/{processId}/io", "read_bytes:");

    /// <summary>How often the living threads of a process have waited for the disk to give them a page, but for those of that name.</summary>
    internal static long ReadMajorFaults(int processId, string exceptThread)
    {
        long total = 0;
        bool isFound = false;
        foreach (string task in Directory.GetDirectories($"/proc/{processId}/task"))
        {
            string stat = File.ReadAllText(task + "/stat");
            if (stat.Contains($"({exceptThread})", StringComparison.Ordinal))
                isFound = true;
            else
                total += Number(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[9]);
        }
        return isFound ? total : throw new InvalidOperationException($"Process {processId} has no thread '{exceptThread}' to leave out.");
    }

    /// <summary>Time that the living threads of a process spent on a core, in nanoseconds: finer than <see cref="CpuSeconds"/>.</summary>
    internal static long ReadRunNs(int processId)
    {
        long total = 0;
        foreach (string task in Directory.GetDirectories($"/proc/{processId}/task"))
            total += Number(File.ReadAllText(task + "/schedstat").Split(' ')[0]);
        return total;
    }

    public static ProcessCounters operator -(ProcessCounters later, ProcessCounters earlier) => new(
        later.VoluntarySwitches - earlier.VoluntarySwitches,
        later.InvoluntarySwitches - earlier.InvoluntarySwitches,
        later.MinorFaults - earlier.MinorFaults,
        later.MajorFaults - earlier.MajorFaults,
        later.CpuSeconds - earlier.CpuSeconds);

    private static long? ReadStatusField(string path, string name)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                if (line.StartsWith(name, StringComparison.Ordinal))
                    return Number(line[name.Length..].Replace("kB", "", StringComparison.Ordinal));
            }
        }
        catch (IOException)
        {
        }
        return null;
    }

    private static long Number(string text) => long.Parse(text.Trim(), CultureInfo.InvariantCulture);
}
