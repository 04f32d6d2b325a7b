using System.Globalization;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>Whether a broker has a journal open, found without touching its lock: a broker that starts just then must get it.</summary>
internal static class JournalHolder
{
    /// <returns>Its process id; 0 when none is known. One in another container is not seen.</returns>
    internal static int Find(MappedJournalStorage storage)
    {
        try
        {
            return int.TryParse(storage.ReadLockText(), NumberStyles.None, CultureInfo.InvariantCulture, out int process) && HoldsLock(process) ? process : 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    // A line is: number, kind, ADVISORY, WRITE, process id, device and inode, range.
    private static bool HoldsLock(int process)
    {
        string id = process.ToString(CultureInfo.InvariantCulture);
        foreach (string line in File.ReadLines("/proc/locks"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 4 && words[1] == "FLOCK" && words[3] == "WRITE" && words[4] == id)
                return true;
        }
        return false;
    }
}
