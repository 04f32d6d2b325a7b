namespace LowLatency.Tests.Faults;

/// <summary>A file that takes all the space that a disk has left.</summary>
internal static class Ballast
{
    internal static void Fill(string file)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        byte[] chunk = new byte[64 * 1024];
        try
        {
            while (true)
                stream.Write(chunk);
        }
        catch (IOException)
        {
            // Full.
        }
    }
}
