namespace LowLatency.Tests.Faults;

/// <summary>A file that takes the space that a disk has left, or most of it.</summary>
internal static class Ballast
{
    internal static void Fill(string file) => FillTo(file, 0);

    /// <summary>Leaves so many bytes free.</summary>
    internal static void FillTo(string file, long freeBytes)
    {
        long length = freeBytes == 0 ? long.MaxValue : new DriveInfo(Path.GetDirectoryName(file)!).AvailableFreeSpace - freeBytes;
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        byte[] chunk = new byte[64 * 1024];
        try
        {
            for (; length > 0; length -= chunk.Length)
                stream.Write(chunk);
        }
        catch (IOException)
        {
            // Full.
        }
    }
}
