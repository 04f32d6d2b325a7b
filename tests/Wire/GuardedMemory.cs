using System.Runtime.InteropServices;

namespace LowLatency.Tests.Wire;

/// <summary>Memory that ends where reading on is a segmentation fault, so that an over-read cannot go unseen.</summary>
/// <remarks>Linux: the page behind it is mapped without access. Elsewhere plain memory.</remarks>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymous = 0x22;

    private readonly byte* _start;
    private readonly nuint _mapped;
    private readonly int _length;

    internal GuardedMemory(int length)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint whole = ((nuint)length + page - 1) / page * page;
        _length = (int)whole;
        if (!OperatingSystem.IsLinux())
        {
            _start = (byte*)NativeMemory.Alloc(whole);
            return;
        }

        _mapped = whole + page;
        _start = (byte*)Map(null, _mapped, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if (_start == (byte*)-1 || Protect(_start + whole, page, ProtNone) != 0)
            throw new InvalidOperationException($"no guard page: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>A copy of the bytes whose last byte is the last one that can be read.</summary>
    internal ReadOnlySpan<byte> Place(ReadOnlySpan<byte> bytes)
    {
        Span<byte> end = new(_start + (_length - bytes.Length), bytes.Length);
        bytes.CopyTo(end);
        return end;
    }

    public void Dispose()
    {
        if (_mapped == 0)
            NativeMemory.Free(_start);
        else
            _ = Unmap(_start, _mapped);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint length);
}
