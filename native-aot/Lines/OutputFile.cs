using System.ComponentModel;
using System.Runtime.InteropServices;

namespace LowLatency.Server.Lines;

/// <summary>Writes to a file descriptor with write(2).</summary>
/// <remarks>
/// The console stream of the runtime takes a reader that went away for success: what was never read would be
/// acknowledged. A file stream writes at offsets of its own and leaves the descriptor's where it was, so that a second
/// command of the same redirection would overwrite the first.
/// </remarks>
internal static partial class OutputFile
{
    internal const int StandardOutput = 1;

    private const int InterruptedCall = 4;
    private const int WouldBlock = 11;
    private const short PollOut = 4;

    /// <summary>Writes all bytes. Blocks until the other side took them.</summary>
    /// <exception cref="IOException">The system refused: a reader that went away, a full disk.</exception>
    internal static unsafe void WriteAll(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint written;
            fixed (byte* start = bytes)
                written = Write(descriptor, start, (nuint)bytes.Length);
            if (written >= 0)
            {
                bytes = bytes[(int)written..];
                continue;
            }
            int error = Marshal.GetLastPInvokeError();
            if (error == WouldBlock)
                WaitWritable(descriptor);
            else if (error != InterruptedCall)
                throw new IOException(new Win32Exception(error).Message);
        }
    }

    private static unsafe void WaitWritable(int descriptor)
    {
        var entry = new PollEntry { Descriptor = descriptor, Events = PollOut };
        _ = Poll(&entry, 1, -1);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint Write(int descriptor, byte* bytes, nuint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static unsafe partial int Poll(PollEntry* entries, nuint count, int timeoutMs);
}
