using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>The processor's own memory.</summary>
internal readonly unsafe struct DirectMemory : ISharedMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ReadAcquire(long* address) => Volatile.Read(ref *address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteRelease(long* address, long value) => Volatile.Write(ref *address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long CompareExchange(long* address, long value, long comparand) =>
        Interlocked.CompareExchange(ref *address, value, comparand);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Clear(byte* address, int length) => NativeMemory.Clear(address, (nuint)length);
}
