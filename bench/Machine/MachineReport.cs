using System.Globalization;
using System.Runtime.InteropServices;

namespace LowLatency.Bench.Machine;

/// <summary>What a figure was measured on, and what the machine itself did meanwhile.</summary>
internal static class MachineReport
{
    /// <summary>One line: processor, cores, memory, kernel, runtime.</summary>
    internal static string Describe()
    {
        string processor = FirstValue("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();
        string kernel = File.Exists("/proc/sys/kernel/osrelease")
            ? File.ReadAllText("/proc/sys/kernel/osrelease").Trim()
            : RuntimeInformation.OSDescription;
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return string.Create(CultureInfo.InvariantCulture,
            $"{processor}, {Environment.ProcessorCount} cores, {memory / (1024.0 * 1024 * 1024):0.#} GiB, Linux {kernel}, {RuntimeInformation.FrameworkDescription}");
    }

    /// <summary>Type of the file system that a folder is on (<c>ext4</c>, <c>tmpfs</c>), or "unknown".</summary>
    internal static string FileSystemOf(string folder)
    {
        if (!File.Exists("/proc/mounts"))
            return "unknown";
        string path = Path.GetFullPath(folder);
        string type = "unknown";
        int longest = -1;
        foreach (string line in File.ReadLines("/proc/mounts"))
        {
            string[] fields = line.Split(' ');
            string mount = fields[1];
            bool holds = mount == "/" || path == mount || path.StartsWith(mount + "/", StringComparison.Ordinal);
            if (holds && mount.Length >= longest)
            {
                longest = mount.Length;
                type = fields[2];
            }
        }
        return type;
    }

    /// <summary>Ticks of all cores, and those of them that the host gave to others ("steal").</summary>
    internal static (long Total, long Steal) ReadCpuTicks()
    {
        if (!File.Exists("/proc/stat"))
            return default;
        // cpu user nice system idle iowait irq softirq steal guest guest_nice; guest times are in user and nice already.
        string[] fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long total = 0;
        for (int i = 1; i <= 8 && i < fields.Length; i++)
            total += long.Parse(fields[i], CultureInfo.InvariantCulture);
        return (total, fields.Length > 8 ? long.Parse(fields[8], CultureInfo.InvariantCulture) : 0);
    }

    private static string? FirstValue(string path, string name)
    {
        if (!File.Exists(path))
            return null;
        string? line = File.ReadLines(path).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line?[(line.IndexOf(':') + 1)..].Trim();
    }
}
